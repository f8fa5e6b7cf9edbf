"""Leakage audit: the overlap of test queries with training queries."""
