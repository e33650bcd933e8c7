"""Policies as data: packs, what is stricter than what, and what follows for cameras. Needs no device."""
