"""Torch networks and the shelf their weights come from."""
