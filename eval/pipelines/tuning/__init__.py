"""Tuning of a fusion on judged queries, with what it is worth on others."""
