"""Indexes and searchers: one file per method, looked up by name in `registry`."""
