"""Kernels of compressed tokens."""
