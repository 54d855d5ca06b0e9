"""Pictures of single files: DPX, TIFF, EXR, PNG; their headers, their samples, and what it takes to rebuild a file."""
