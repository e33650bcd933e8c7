"""What a device's flash can do: a small file system whose every step towards the medium is said.

Nothing is durable because it was written. A file's bytes are once it was synced, its name once its directory was:
until then a loss of power keeps, drops or tears each write by itself, and keeps or drops each change of a name.
A name is a path from the root, with `/` between its parts; the root is the empty one.
"""

import enum
import random
from collections.abc import Callable, Mapping
from typing import Final, Protocol

TEMPORARY: Final = ".tmp-"
"""Begin of a name that counts for nothing yet; what has it is removed at the next start."""


FORM_NAME: Final = "form.json"
"""Says in which form everything else is kept; what has it is a simulator's."""


class StateError(Exception):
    """What a device keeps cannot be used: it is damaged, another's, or of another form."""


class NotPlain(StateError):
    """Something else than a plain file under a name that the simulator uses: no flash does that by rotting."""


class StateInUse(StateError):
    """Another simulator has the directory."""


class Unsynced(enum.Enum):
    """What a loss of power leaves of writes that were not synced."""

    KEPT = "kept"
    """All of them: the medium was fast."""
    DROPPED = "dropped"
    """None of them."""
    TORN = "torn"
    """Of each by itself, as a seed has it: all, nothing, a part, or a part and garbage."""


class PowerLost(BaseException):
    """The device is off: no line of its firmware runs any more."""

    def __init__(self, unsynced: Unsynced = Unsynced.TORN) -> None:
        super().__init__(unsynced)
        self.unsynced = unsynced


class PowerCut(PowerLost):
    """… by a fault plan: the device itself sees to it that it is off, and boots again. From any other loss of power
    whoever brought it about takes over."""


Before = Callable[[int, str, str], None]
"""Told of each operation that writes before it is done, by its number and its name, and of what; may raise."""


class Counted:
    """Counts the operations of a flash that write, and asks `before` whether each is to be done."""

    def __init__(self, before: Before | None = None) -> None:
        self.before = before
        """Raises `OSError` for one that fails, and `PowerLost` for the moment at which the power goes."""
        self.operations = 0
        """How many were begun that write."""
        self._off: PowerLost | None = None

    def _begin(self, operation: str, name: str) -> None:
        if self._off is not None:
            raise type(self._off)(self._off.unsynced)
        number, self.operations = self.operations, self.operations + 1
        if self.before is not None:
            try:
                self.before(number, operation, name)
            except PowerLost as lost:
                self._off = lost
                raise


class Flash(Protocol):
    """One device's flash. Every operation raises `OSError` when it fails, and `StateError` for what is no file, or no
    directory, of a simulator's."""

    def at(self, name: str) -> str:
        """How a person finds what has this name."""

    before: Before | None
    operations: int

    # Reading

    def names(self, directory: str = "") -> list[str]:
        """What is in a directory, in order."""

    def exists(self, name: str) -> bool:
        """Whether there is anything under this name."""

    def is_directory(self, name: str) -> bool:
        """Whether it is one; what stands elsewhere and is only pointed to is none."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None: there is none."""

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end. Raises `FileNotFoundError`."""

    # Writing: each of these may be the last before a loss of power

    def make_directory(self, name: str) -> None:
        """Makes a directory, unless it is there."""

    def create(self, name: str, data: bytes) -> None:
        """Makes a file that must not exist, and writes its first bytes."""

    def create_tree(self, name: str, files: Mapping[str, bytes]) -> None:
        """Makes a directory with these files in it: what a simulated camera comes with, thousands of them."""

    def write(self, name: str, offset: int, data: bytes | memoryview) -> None:
        """Writes into a file that exists; `offset` is at most its size."""

    def truncate(self, name: str, size: int) -> None:
        """Shortens a file."""

    def rename(self, name: str, to: str) -> None:
        """Gives another name in the same directory; a file takes the place of the one that has it, if any."""

    def remove(self, name: str) -> None:
        """Removes a file. Raises `FileNotFoundError`."""

    def remove_tree(self, name: str) -> None:
        """Removes a directory with everything in it."""

    def sync(self, name: str) -> None:
        """What was written into this file is durable."""

    def sync_directory(self, name: str = "") -> None:
        """Which names the directory has is durable, and not what is in the files that have them."""

    def sync_all(self) -> None:
        """Everything is durable."""

    # Power

    def lose_power(self, entropy: random.Random, unsynced: Unsynced = Unsynced.TORN) -> None:
        """The power was lost: what was not synced may be gone. It is on again, and reads what is on the medium."""

    def close(self) -> None:
        """Lets go of it."""
