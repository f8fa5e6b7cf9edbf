"""Recipes, their stages, and the runner."""
