"""A flash in memory that can lose power at every operation: what SQLite's tests promise of a disk, and no more.

Each file remembers what was written since its last sync, each directory which names changed. At a loss of power each
of those writes is kept, dropped, cut short or left as garbage, each change of a name kept or dropped: each by itself,
whatever the order in which they were made. What was synced stays, also beside a write that was torn.
"""

from __future__ import annotations

import copy
import errno
import os
import random
from collections.abc import Mapping
from typing import Final

from firmware_sim.flash.flash import Before, Counted, NotPlain, Unsynced

FATES: Final = 4
"""What a loss of power does to a write: nothing, all, a part, or garbage."""


_Write = tuple[int, bytes | None, bytes]
"""A change of a file that is not durable: where, what was written (None: the file ends there), and what stood there.
A plain tuple: a camera with 20,000 recordings has a hundred thousand of them until its first sync."""


class _File:
    __slots__ = ("data", "pending")

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.pending: tuple[_Write, ...] = ((0, data, b""),)

    def write(self, offset: int, data: bytes | memoryview) -> None:
        new = bytes(data)
        self.pending += ((offset, new, bytes(self.data[offset : offset + len(new)])),)
        self.data[offset : offset + len(new)] = new

    def truncate(self, size: int) -> None:
        self.pending += ((size, None, bytes(self.data[size:])),)
        del self.data[size:]

    def lose_power(self, entropy: random.Random, unsynced: Unsynced) -> None:
        done, self.pending = self.pending, ()
        if unsynced is Unsynced.KEPT:
            return
        for offset, new, old in reversed(done):
            self.data[offset : offset + len(new or b"")] = old
        if unsynced is Unsynced.DROPPED:
            return
        for offset, new, _ in done:
            fate = entropy.randrange(FATES)
            if new is None:
                if fate:
                    del self.data[offset:]
                continue
            at = entropy.randrange(len(new) + 1)
            match fate:
                case 0:
                    self._put(offset, new)
                case 1:
                    self._put(offset, new[:at])
                case 2:
                    self._put(offset, new[:at] + entropy.randbytes(len(new) - at))

    def _put(self, offset: int, data: bytes) -> None:
        hole = offset - len(self.data)  # where the write before it is gone
        self.data.extend(bytes(max(0, hole)))
        self.data[offset : offset + len(data)] = data


class _Directory:
    __slots__ = ("durable", "live")

    def __init__(self) -> None:
        self.live: dict[str, _Node] = {}
        self.durable: dict[str, _Node] = {}


_Node = _File | _Directory
_Change = tuple[str, _Node | None]
"""A name, and what it leads to from then on."""


class MemoryFlash(Counted):
    """A flash of its own, or, with `before`, one that fails or loses power where that says so."""

    def __init__(self, before: Before | None = None) -> None:
        super().__init__(before)
        self._root = _Directory()
        self._renamed: list[tuple[_Directory, tuple[_Change, ...]]] = []
        """Changes of names that are not durable, in their order; those of one operation come together."""

    # Names

    def at(self, name: str) -> str:
        return name or "the flash"

    def _find(self, name: str) -> _Node | None:
        node: _Node = self._root
        if name:
            for part in name.split("/"):
                found = node.live.get(part) if isinstance(node, _Directory) else None
                if found is None:
                    return None
                node = found
        return node

    def _parent(self, name: str) -> tuple[_Directory, str]:
        above, _, last = name.rpartition("/")
        return self._directory(above), last

    def _directory(self, name: str) -> _Directory:
        found = self._find(name)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        if isinstance(found, _File):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        return found

    def _file(self, name: str) -> _File:
        found = self._find(name)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        if isinstance(found, _Directory):
            raise NotPlain(f"{name} is a directory, and no plain file that a simulator made")
        return found

    def _change(self, directory: _Directory, *changes: _Change) -> None:
        _apply(directory.live, changes)
        self._renamed.append((directory, changes))

    # Reading

    def names(self, directory: str = "") -> list[str]:
        return sorted(self._directory(directory).live)

    def exists(self, name: str) -> bool:
        return self._find(name) is not None

    def is_directory(self, name: str) -> bool:
        return isinstance(self._find(name), _Directory)

    def size(self, name: str) -> int | None:
        return len(self._file(name).data) if self.exists(name) else None

    def read(self, name: str, offset: int, size: int) -> bytes:
        with memoryview(self._file(name).data) as data:
            return bytes(data[offset : offset + size])

    # Writing

    def make_directory(self, name: str) -> None:
        self._begin("make_directory", name)
        directory, last = self._parent(name)
        found = directory.live.get(last)
        if isinstance(found, _File):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        if found is None:
            self._change(directory, (last, _Directory()))

    def create(self, name: str, data: bytes) -> None:
        self._begin("create", name)
        directory, last = self._parent(name)
        if last in directory.live:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        self._change(directory, (last, _File(data)))

    def create_tree(self, name: str, files: Mapping[str, bytes]) -> None:
        self._begin("create_tree", name)
        above, last = self._parent(name)
        if last in above.live:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        made = _Directory()
        self._change(above, (last, made))
        self._change(made, *((file, _File(data)) for file, data in files.items()))

    def write(self, name: str, offset: int, data: bytes | memoryview) -> None:
        self._begin("write", name)
        self._file(name).write(offset, data)

    def truncate(self, name: str, size: int) -> None:
        self._begin("truncate", name)
        self._file(name).truncate(size)

    def rename(self, name: str, to: str) -> None:
        self._begin("rename", name)
        directory, last = self._parent(name)
        node = self._find(name)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        there = self._find(to)
        if isinstance(there, _Directory) or (isinstance(node, _Directory) and there is not None):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), to)
        self._change(directory, (last, None), (to.rpartition("/")[2], node))

    def remove(self, name: str) -> None:
        self._begin("remove", name)
        directory, last = self._parent(name)
        self._file(name)
        self._change(directory, (last, None))

    def remove_tree(self, name: str) -> None:
        self._begin("remove_tree", name)
        above, last = self._parent(name)
        self._empty(self._directory(name))
        self._change(above, (last, None))

    def _empty(self, directory: _Directory) -> None:
        for name, node in list(directory.live.items()):
            if isinstance(node, _Directory):
                self._empty(node)
            self._change(directory, (name, None))

    def sync(self, name: str) -> None:
        self._begin("sync", name)
        self._file(name).pending = ()

    def sync_directory(self, name: str = "") -> None:
        self._begin("sync_directory", name)
        directory = self._directory(name)
        for changed, changes in self._renamed:
            if changed is directory:
                _apply(directory.durable, changes)
        self._renamed = [one for one in self._renamed if one[0] is not directory]

    def sync_all(self) -> None:
        self._begin("sync_all", "")
        for directory, changes in self._renamed:
            _apply(directory.durable, changes)
        self._renamed.clear()
        for file in _files(self._root):
            file.pending = ()

    # Power

    def lose_power(self, entropy: random.Random, unsynced: Unsynced = Unsynced.TORN) -> None:
        for directory, changes in self._renamed:
            if unsynced is Unsynced.KEPT or (unsynced is Unsynced.TORN and entropy.random() < 0.5):
                _apply(directory.durable, changes)
        self._renamed.clear()
        _read_again(self._root)
        for file in _files(self._root):
            file.lose_power(entropy, unsynced)
        self._off = None

    def close(self) -> None:
        """Nothing is held."""

    # For who looks at it from outside

    def copy(self) -> MemoryFlash:
        """Another one that stands where this one stands, with all that is not durable."""
        other = MemoryFlash()
        other._root, other._renamed = copy.deepcopy((self._root, self._renamed))
        return other

    def contents(self, directory: str = "") -> dict[str, bytes]:
        """All files, by their names."""
        found: dict[str, bytes] = {}
        for name in self.names(directory):
            path = f"{directory}/{name}" if directory else name
            node = self._find(path)
            found |= {path: bytes(node.data)} if isinstance(node, _File) else self.contents(path)
        return found

    @property
    def unsynced(self) -> list[str]:
        """Files with bytes, and directories with names, that a loss of power could take."""
        changed = {id(directory) for directory, _ in self._renamed}
        return [name for name, node in _walk("", self._root) if _is_pending(node) or id(node) in changed]


def _apply(names: dict[str, _Node], changes: tuple[_Change, ...]) -> None:
    for name, node in changes:
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _is_pending(node: _Node) -> bool:
    return isinstance(node, _File) and bool(node.pending)


def _walk(path: str, directory: _Directory) -> list[tuple[str, _Node]]:
    found: list[tuple[str, _Node]] = [(path, directory)]
    for name, node in sorted(directory.live.items()):
        below = f"{path}/{name}" if path else name
        found += _walk(below, node) if isinstance(node, _Directory) else [(below, node)]
    return found


def _files(directory: _Directory) -> list[_File]:
    return [node for _, node in _walk("", directory) if isinstance(node, _File)]


def _read_again(directory: _Directory) -> None:
    directory.live = dict(directory.durable)
    for node in directory.live.values():
        if isinstance(node, _Directory):
            _read_again(node)
