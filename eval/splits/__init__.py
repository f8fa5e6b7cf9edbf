"""Splits of training and test queries into regimes: interpolation and extrapolation."""
