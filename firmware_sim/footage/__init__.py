"""Footage that players open, and stand-ins of any size."""
