"""Tests of single frame files."""
