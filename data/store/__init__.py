"""Artifacts, stores of vectors and of scores."""
