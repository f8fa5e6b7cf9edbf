"""Generalisation study: its results, its page, its reproduction."""
