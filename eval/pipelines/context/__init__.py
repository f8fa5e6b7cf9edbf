"""Context for a reader: which passages of each query it gets, and in which order."""
