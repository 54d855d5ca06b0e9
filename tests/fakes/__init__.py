"""Stand-ins for outside services that the tests cannot have for real."""
