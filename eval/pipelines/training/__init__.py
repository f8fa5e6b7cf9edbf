"""Training of encoders on a collection."""
