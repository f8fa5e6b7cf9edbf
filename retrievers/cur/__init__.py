"""A cross-encoder as an index: exact scores of a few documents, from which those of all others are estimated."""
