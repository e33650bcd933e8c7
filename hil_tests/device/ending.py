"""The category of what the suite warns of. Alone here: pytest looks it up in every session, and it imports nothing."""


class EndsSoon(UserWarning):
    """A certificate of this bench, or of the device before it, ends soon or has ended."""
