"""Kernels as machine code: how they are declared, compiled, kept and loaded."""
