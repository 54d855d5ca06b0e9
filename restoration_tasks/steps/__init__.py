"""One file a step: spec in, result out."""
