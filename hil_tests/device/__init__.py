"""The device under test: who it is, what it may suffer, and that it is left as it was found."""
