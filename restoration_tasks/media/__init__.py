"""Frames in and out: sequences, containers, bit depth, sound, checksums."""
