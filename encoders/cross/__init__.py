"""Scorers of pairs of query and document."""
