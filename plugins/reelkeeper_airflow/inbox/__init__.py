"""Watching the scanner's inbox."""
