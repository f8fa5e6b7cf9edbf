"""Study of feedback on vectors and of where to mix sparse lists in."""
