"""Kernels of text analysis."""
