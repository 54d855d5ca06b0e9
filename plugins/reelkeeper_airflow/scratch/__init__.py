"""Letting go of working files."""
