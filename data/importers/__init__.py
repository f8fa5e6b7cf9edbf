"""Readers of collections in the formats of the field, each streaming into the collection writer."""
