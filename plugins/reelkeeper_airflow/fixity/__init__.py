"""Reading what is kept again."""
