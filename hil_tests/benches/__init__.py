"""Benches: the file that describes one, and the lock by which two runs do not take each other's devices."""
