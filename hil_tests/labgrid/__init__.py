"""A device that labgrid has: the way to it by its target, its switches and buttons as actuators, its place as lock."""
