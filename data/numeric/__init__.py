"""Arithmetic over the rows of matrices, and k-means."""
