"""Indexes of fixed dimensional encodings."""
