"""Builders of collections that need no download."""
