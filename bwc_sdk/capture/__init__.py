"""Captures: what went over one connection, written to a file, and read again."""
