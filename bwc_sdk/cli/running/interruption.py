"""Ctrl-C, and what state it leaves things in."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what state things are in."""
