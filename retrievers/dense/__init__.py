"""Indexes of one vector a document."""
