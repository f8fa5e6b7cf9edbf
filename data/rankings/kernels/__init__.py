"""Kernels that read runs, order their lines, and write them."""
