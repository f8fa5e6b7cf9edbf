"""The preflight of corpora, topics, qrels and runs: what is wrong, where, and what can be mended."""
