"""Runs in the forms of other tools, each read into the columns query, document and score."""
