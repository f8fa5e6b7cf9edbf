"""Vocabularies, postings, and search over them."""
