"""Generators, the test kit, benchmarks and checks of this project; nothing of it is in the wheel."""
