"""Preflight of corpora, topics, qrels and runs: every problem, its place, and the repairs that are possible."""
