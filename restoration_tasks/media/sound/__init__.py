"""Sound files as they are delivered, and their samples in the preservation master."""
