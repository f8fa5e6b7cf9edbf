"""Indexes and searchers: one folder for each kind of index, opened by the table of kinds in `intrex.retrievers.base`."""
