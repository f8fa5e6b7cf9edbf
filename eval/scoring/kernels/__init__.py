"""Kernels that parse and rank runs."""
