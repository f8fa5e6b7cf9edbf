"""Click logs as graded judgements: counts, click models, grades."""
