"""Threads, memory and disk of the machine."""
