"""What is declared, by opcode. A subject's file is loaded when the first of its opcodes is looked up."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final, TypeVar

D = TypeVar("D")

_UNREAD: Final[dict[int, str]] = {}
"""The module of each subject whose file may not be loaded yet, by the high byte of its opcodes."""


def declared_in(modules: Mapping[int, str]) -> None:
    """Says where the opcodes of each subject are declared, by their high byte."""
    _UNREAD.update(modules)


def load_all() -> None:
    """Loads every subject now: for what goes on when no further file can be opened."""
    for subject in tuple(_UNREAD):
        _load(subject)


def _load(subject: int) -> None:
    if subject in _UNREAD:
        import_module(_UNREAD[subject])
        # Only now: another thread that looks it up meanwhile waits for the same import.
        _UNREAD.pop(subject, None)


class Registry(Mapping[int, D]):
    """Declared classes by opcode; going through all of them loads every subject."""

    def __init__(self) -> None:
        self._made: dict[int, D] = {}

    def add(self, opcode: int, cls: D) -> None:
        """Adds a declaration. Raises `TypeError` for an opcode that has one."""
        if self.made(opcode):
            raise TypeError(f"opcode {opcode:#06x} is declared twice")
        self._made[opcode] = cls

    def made(self, opcode: int) -> bool:
        """Whether it is declared in a file that is loaded."""
        return opcode in self._made

    def __getitem__(self, opcode: int) -> D:
        found = self._made.get(opcode)
        if found is None:
            _load(opcode >> 8)
            return self._made[opcode]
        return found

    def __iter__(self) -> Iterator[int]:
        load_all()
        return iter(self._made)

    def __len__(self) -> int:
        load_all()
        return len(self._made)
