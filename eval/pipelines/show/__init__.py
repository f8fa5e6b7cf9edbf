"""Single queries looked at: what an index or a run ranks, with scores, grades and texts."""
