"""What the scanner delivers: its files, manifest and completion mark, what is wrong with them, and their fixity."""
