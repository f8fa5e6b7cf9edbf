"""Indexes of term weights."""
