"""Exact and approximate products of vectors."""
