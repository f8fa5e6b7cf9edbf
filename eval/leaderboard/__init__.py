"""Leaderboards: rows of systems, of splits and of regimes."""
