"""After a fork the child has one thread, and shares with its parent whatever was open.

What lived in other threads is made anew there; what the parent uses is left alone. Closing an event loop in the child,
for example, would take the descriptors that the parent watches out of what both share.
"""

import os
from collections.abc import Callable


def in_child(renew: Callable[[], None]) -> None:
    """Has `renew` called in every child of a fork, before anything else of it runs. It must not wait for anybody."""
    if hasattr(os, "register_at_fork"):  # Windows knows no forks
        os.register_at_fork(after_in_child=renew)
