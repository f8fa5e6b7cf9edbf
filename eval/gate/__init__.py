"""Gate of a build: is a new run worse than the baseline by more than may be?"""
