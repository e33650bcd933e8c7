"""A disk that can lose power and a process that can be killed, for tests: the least that POSIX promises.

What is written and not synced is in the page cache: the next process sees it, and a power cut keeps, drops or tears
it. After a sync that failed the system takes the pages for written: the next sync says yes, and they are lost.
"""

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bwc_sdk.host.filesystem import CannotRename, Identity

Change = tuple[str, str, "Inode | None"]
"""A directory, a name in it, and what it leads to from then on."""


class PowerCut(BaseException):
    """The host is off, or the process was killed: no line of the program runs any more."""


@dataclass
class Inode:
    """A file: what a reader sees, what is on the medium, and the writes between the two."""

    live: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes]] = field(default_factory=list)
    locked_by: int = 0
    reserved: int = 0


def put(data: bytearray, offset: int, what: bytes) -> None:
    """Writes `what` at `offset`, over zeros where there was nothing."""
    data.extend(bytes(max(0, offset + len(what) - len(data))))
    data[offset : offset + len(what)] = what


class ModelDisk:
    """A medium with two directories. At a power cut each write and each change of a name that was not synced is
    kept, dropped or (a write) torn, independently of the others."""

    def __init__(self) -> None:
        self.live: dict[str, dict[str, Inode]] = {"": {}, ".incoming": {}}
        self.durable: dict[str, dict[str, Inode]] = {"": {}, ".incoming": {}}
        self.pending: list[tuple[Change, ...]] = []
        self.capacity = 1 << 40
        self.moved = False
        """Whether the path leads elsewhere by now."""
        self.incoming_durable = False
        """Whether the name of `.incoming` itself is on the medium."""

    def change(self, *changes: Change) -> None:
        """Changes names, all at once, in memory."""
        for directory, name, inode in changes:
            _set(self.live[directory], name, inode)
        self.pending.append(changes)

    def sync_names(self, directory: str) -> None:
        """Brings the changes of a directory to the medium, in their order."""
        left = []
        for changes in self.pending:
            if any(change[0] == directory for change in changes):
                self._keep(changes)
            else:
                left.append(changes)
        self.pending = left
        self.incoming_durable |= directory == ""

    def forget_names(self, directory: str) -> None:
        """A sync of a directory failed: what was changed is taken for written, and is lost."""
        self.pending = [ones for ones in self.pending if all(one[0] != directory for one in ones)]

    def _keep(self, changes: tuple[Change, ...]) -> None:
        for directory, name, inode in changes:
            _set(self.durable[directory], name, inode)

    def kill(self) -> None:
        """The process ends, whatever it was doing: its locks are free, and all that it wrote is still seen."""
        for names in self.live.values():
            for inode in names.values():
                inode.locked_by = 0

    def power_cut(self, rng: random.Random) -> None:
        """The host is off: only what is on the medium is seen from now on."""
        for changes in self.pending:
            if rng.random() < 0.5:
                self._keep(changes)
        self.pending = []
        if not self.incoming_durable and rng.random() < 0.5:
            self.durable[".incoming"] = {}
        for names in self.durable.values():
            for inode in names.values():
                for offset, data in inode.pending:
                    match rng.randrange(3):
                        case 0:
                            put(inode.durable, offset, data)
                        case 1:
                            put(inode.durable, offset, data[: rng.randrange(len(data) + 1)])
                inode.pending = []
                inode.live = bytearray(inode.durable)
                inode.locked_by = 0
        self.live = {directory: dict(names) for directory, names in self.durable.items()}

    def final(self) -> dict[str, bytes]:
        """What stands in the destination itself."""
        return {name: bytes(inode.live) for name, inode in self.live[""].items()}


def _set(names: dict[str, Inode], name: str, inode: Inode | None) -> None:
    if inode is None:
        names.pop(name, None)
    else:
        names[name] = inode


class ModelFiles:
    """The engine's file system on a `ModelDisk`. `before(step, operation)` may raise; `skip` names operations
    that do nothing, as if the engine did not call them. Without `links` it is like FAT."""

    def __init__(
        self,
        disk: ModelDisk,
        before: Callable[[int, str], None] = lambda step, operation: None,
        skip: tuple[str, ...] = (),
        flip_on_medium: int = -1,
        links: bool = True,
        renames: bool = True,
    ) -> None:
        self.disk = disk
        self.before = before
        self.skip = skip
        self.steps = 0
        self.off = False
        self.flip_on_medium = flip_on_medium
        self.links = links
        self.renames = renames
        self._handles: dict[int, Any] = {}
        self._last = 2

    @property
    def open_handles(self) -> list[int]:
        return list(self._handles)

    def _step(self, operation: str) -> bool:
        """Whether the operation is to be done."""
        if self.off:
            raise PowerCut
        step, self.steps = self.steps, self.steps + 1
        try:
            self.before(step, operation)
        except PowerCut:
            self.off = True
            raise
        return operation not in self.skip

    def _handle(self, what: Any) -> int:
        self._last += 1
        self._handles[self._last] = what
        return self._last

    def _names(self, directory: int) -> dict[str, Inode]:
        return self.disk.live[self._handles[directory]]

    def open_directory(self, path: Path) -> int:
        self._step("open_directory")
        return self._handle("")

    def open_inside(self, directory: int, name: str) -> int:
        self._step("open_inside")
        return self._handle(name)

    def identity(self, handle: int) -> Identity:
        what = self._handles[handle]
        return (1, id(what)) if isinstance(what, Inode) else (1, 2)

    def identity_at(self, path: Path) -> Identity | None:
        return None if self.disk.moved else (1, 2)

    def names(self, directory: int) -> list[str]:
        return list(self._names(directory))

    def size_of(self, directory: int, name: str) -> int | None:
        self._step("size_of")
        inode = self._names(directory).get(name)
        return None if inode is None else len(inode.live)

    def taken_by(self, directory: int, name: str) -> int:
        inode = self._names(directory).get(name)
        return 0 if inode is None else max(len(inode.live), inode.reserved)

    def free_bytes(self, directory: int) -> int | None:
        self._step("free_bytes")
        return self.disk.capacity

    def free_files(self, directory: int) -> int | None:
        return None

    def check_size(self, file: int, size: int) -> None:
        self._step("check_size")

    def create(self, directory: int, name: str) -> int:
        self._step("create")
        if name in self._names(directory):
            raise FileExistsError(errno.EEXIST, "exists")
        inode = Inode()
        self.disk.change((self._handles[directory], name, inode))
        return self._handle(inode)

    def reopen(self, directory: int, name: str, *, write: bool) -> int:
        self._step("reopen")
        if name not in self._names(directory):
            raise FileNotFoundError(errno.ENOENT, "missing")
        return self._handle(self._names(directory)[name])

    def lock(self, file: int) -> bool:
        if not self._step("lock"):
            return True
        inode = self._handles[file]
        if inode.locked_by:
            return False
        inode.locked_by = file
        return True

    def is_named(self, file: int, directory: int, name: str) -> bool:
        if not self._step("is_named"):
            return True
        return self._names(directory).get(name) is self._handles[file]

    def size(self, file: int) -> int:
        self._step("size")
        return len(self._handles[file].live)

    def preallocate(self, file: int, offset: int, size: int) -> None:
        self._step("preallocate")
        self._handles[file].reserved = offset + size

    def write(self, file: int, data: memoryview, offset: int) -> int:
        self._step("write")
        inode = self._handles[file]
        content = bytes(data)
        put(inode.live, offset, content)
        inode.pending.append((offset, content))
        return len(content)

    def read(self, file: int, into: memoryview, offset: int) -> int:
        self._step("read")
        data = self._handles[file].live[offset : offset + len(into)]
        into[: len(data)] = data
        return len(data)

    def truncate(self, file: int, size: int) -> None:
        self._step("truncate")
        inode = self._handles[file]
        inode.reserved = min(inode.reserved, size)
        if size >= len(inode.live):
            return
        self.sync(file)
        del inode.live[size:], inode.durable[size:]

    def start_write_back(self, file: int, offset: int, size: int) -> None:
        self._step("start_write_back")

    def sync(self, file: int) -> None:
        inode = self._handles[file]
        try:
            if not self._step("sync"):
                return
        except OSError:
            inode.pending = []
            raise
        for offset, data in inode.pending:
            put(inode.durable, offset, data)
        inode.pending = []
        if 0 <= self.flip_on_medium < len(inode.durable):
            inode.durable[self.flip_on_medium] ^= 1
            self.flip_on_medium = -1

    def drop_cache(self, file: int) -> bool:
        if not self._step("drop_cache"):
            return False
        inode = self._handles[file]
        if not inode.pending:
            inode.live = bytearray(inode.durable)
        return True

    def link(self, file: int, directory: int, name: str, to: int, to_name: str) -> bool:
        done = self._step("link")
        if not self.links:
            return False
        inode = self._handles[file]
        if done and to_name in self._names(to):
            raise FileExistsError(errno.EEXIST, "exists")
        if not any(inode is one for names in self.disk.live.values() for one in names.values()):
            raise FileNotFoundError(errno.ENOENT, "it has no name any more")
        self.disk.change((self._handles[to], to_name, inode))
        return True

    def rename(self, directory: int, name: str, to: int, to_name: str) -> None:
        done = self._step("rename")
        if not self.renames:
            raise CannotRename(errno.EINVAL, "no such flag")
        if name not in self._names(directory):
            raise FileNotFoundError(errno.ENOENT, "missing")
        if done and to_name in self._names(to):
            raise FileExistsError(errno.EEXIST, "exists")
        inode = self._names(directory)[name]
        self.disk.change((self._handles[directory], name, None), (self._handles[to], to_name, inode))

    def remove(self, directory: int, name: str) -> None:
        self._step("remove")
        if name not in self._names(directory):
            raise FileNotFoundError(errno.ENOENT, "missing")
        self.disk.change((self._handles[directory], name, None))

    def sync_directory(self, directory: int) -> bool:
        try:
            if not self._step("sync_directory"):
                return True
        except OSError:
            self.disk.forget_names(self._handles[directory])
            raise
        self.disk.sync_names(self._handles[directory])
        return True

    def sync_way_to(self, directory: int) -> None:
        self._step("sync_way_to")

    def close(self, handle: int) -> None:
        if self.off:
            raise PowerCut
        what = self._handles.pop(handle)
        if isinstance(what, Inode) and what.locked_by == handle:
            what.locked_by = 0
        self._step("close")  # which may fail, and the handle is gone nevertheless
