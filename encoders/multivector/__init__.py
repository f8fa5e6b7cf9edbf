"""Encoders of one vector a token."""
