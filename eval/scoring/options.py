"""Words for means over several query sets; plain data."""

SETS, QUERIES = "sets", "queries"
"""Units that count the same in a mean over several query sets, and what an interval of it is over."""
