"""Indexes and searchers: one folder for each kind of index, declared in its `options.py`, listed in `intrex.retrievers.options`."""
