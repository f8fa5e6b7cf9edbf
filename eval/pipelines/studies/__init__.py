"""Studies: each runs systems, writes CSV files and plots, and says what they show."""
