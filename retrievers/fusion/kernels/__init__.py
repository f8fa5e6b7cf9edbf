"""Kernels of fusion."""
