"""Pseudo-relevance feedback."""
