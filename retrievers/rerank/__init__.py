"""A run scored again."""
