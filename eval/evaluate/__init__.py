"""The command `evaluate`: systems scored, reported and explained."""
