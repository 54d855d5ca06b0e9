"""How truth is made: the damage simulator, clean clips, the demo reel."""
