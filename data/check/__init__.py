"""The preflight of corpora, topics, qrels and runs: findings with stable codes, and what can be mended."""
