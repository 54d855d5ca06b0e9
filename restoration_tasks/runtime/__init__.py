"""Settings, vault, the step contract, errors, progress: the floor every other part stands on."""
