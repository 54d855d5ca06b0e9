"""One detector a file: what is damaged, where, how badly."""
