"""Runs and judgements to scores."""
