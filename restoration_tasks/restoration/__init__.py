"""One treatment a file, and the pipeline that runs a plan over a segment."""
