"""Experiment recipes (TOML) that ship with intrex."""
