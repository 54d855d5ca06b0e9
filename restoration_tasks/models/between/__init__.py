"""Our own network for frames between frames: it mixes what RIFE and optical flow bring from both sides."""
