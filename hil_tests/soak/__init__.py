"""A night of docking: dock, offload, verify, undock, resume, with invariants that hold at the end of each cycle."""
