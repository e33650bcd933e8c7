"""Actuators: what acts on a device beside its link, how each is moved, and what it really cuts (docs/benches.md)."""
