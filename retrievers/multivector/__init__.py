"""Indexes of one vector a token."""
