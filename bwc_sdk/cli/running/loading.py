"""Loading modules without looking for garbage among them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Its body makes much that stays, such as classes: looking through it again and again finds nothing, and takes a
    tenth of the time in which a short verb has answered."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
