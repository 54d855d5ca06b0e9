"""PREMIS events and agents, the hash chain, exports."""
