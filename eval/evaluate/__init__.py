"""Command `evaluate`: systems scored, reported and explained."""
