"""Tests from the wire up, a file a section of the specification: each is marked with the rules that it tries."""
