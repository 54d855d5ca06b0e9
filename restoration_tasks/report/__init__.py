"""Damage report, contact sheets, comparison."""
