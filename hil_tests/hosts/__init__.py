"""A device that judges the host that connects: prepared cameras, one after the other, behind a pipe that watches.

The cameras are the simulator's; what is watched is what a host says, and what it does about what it is told
(docs/conformance.md).
"""
