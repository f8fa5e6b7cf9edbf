"""Text to vectors: one file per encoder, looked up by name in `registry`."""
