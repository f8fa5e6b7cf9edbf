"""Composed commands: the only part of eval that may use retrievers and encoders."""
