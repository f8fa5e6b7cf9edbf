"""Kernels of postings."""
