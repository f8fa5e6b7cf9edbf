"""Comparing runs: significance, effect sizes, rank similarity, the queries that moved."""
