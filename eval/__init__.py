"""Measures, scoring, uncertainty and the leaderboard."""
