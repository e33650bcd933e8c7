"""Writes a bag: a directory that says of itself whether it is whole (BagIt 1.0, RFC 8493).

It is written beside its place and renamed, without replacing anything, when all of it is on the medium. What a killed
process leaves has another name and no `bagit.txt`, so that nobody takes it for a bag. All functions block.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bwc_sdk.errors import HostFileError
from bwc_sdk.host.filesystem import CannotRename, OsFileSystem
from bwc_sdk.identity.durable_files import sync_directory, telling_files, write_all

PIECE: Final = 1 << 20
"""Bytes that are in memory at once, however large the files are."""
DATA: Final = "data"
DECLARATION: Final = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


class BagWriter:
    """A bag on its way. What the system refuses is a `HostFileError`."""

    def __init__(self, target: Path, part: Path) -> None:
        self.target = target
        self.part = part
        self.data = part / DATA
        self.payload: dict[str, str] = {}
        """SHA-256 of each file, by its name in `data`."""
        self.payload_bytes = 0
        self._tags: dict[str, str] = {}

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Puts a file into the payload, a piece at a time."""
        sha256, size = _write(self.data / name, pieces)
        self.payload[name] = sha256
        self.payload_bytes += size

    def take(self, path: Path, name: Callable[[bytes], str]) -> tuple[str, bytes, int]:
        """Takes a file that lies on the same medium into the payload, under a name that follows from its hash."""
        with telling_files(path):
            digest, size = hashlib.sha256(), 0
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    digest.update(piece)
                    size += len(piece)
            named = name(digest.digest())
            path.rename(self.data / named)
        self.payload[named] = digest.hexdigest()
        self.payload_bytes += size
        return named, digest.digest(), size

    def tag(self, name: str, content: str | bytes) -> None:
        """Puts a file about the bag beside the payload."""
        data = content.encode() if isinstance(content, str) else content
        self._tags[name], _ = _write(self.part / name, [data])

    def finish(self, info: Iterable[tuple[str, str]]) -> None:
        """Writes what makes it a bag, but for `bagit.txt`, without which it is none."""
        oxum = f"{self.payload_bytes}.{len(self.payload)}"
        lines = [*info, ("Payload-Oxum", oxum)]
        self.tag("bag-info.txt", "".join(f"{key}: {' '.join(value.split())}\n" for key, value in lines))
        self.tag("manifest-sha256.txt", self.manifest())
        tags = self._tags | {"bagit.txt": hashlib.sha256(DECLARATION.encode()).hexdigest()}
        self.tag(
            "tagmanifest-sha256.txt", "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(tags.items()))
        )
        with telling_files(self.part):
            sync_directory(self.data)
            sync_directory(self.part)

    def manifest(self) -> str:
        """The payload manifest. No name in it has a character that would have to be written otherwise."""
        return "".join(f"{sha256}  {DATA}/{name}\n" for name, sha256 in sorted(self.payload.items()))

    def publish(self) -> None:
        """Makes it a bag and gives it its name. Raises `HostFileError` rather than replace anything."""
        self.tag("bagit.txt", DECLARATION)
        with telling_files(self.target):
            sync_directory(self.part)
            parent = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                OsFileSystem().rename(parent, self.part.name, parent, self.target.name)
            except FileExistsError as error:
                raise taken(self.target) from error
            except CannotRename:
                if os.path.lexists(self.target):
                    raise taken(self.target) from None
                self.part.rename(self.target)
            finally:
                os.close(parent)
            sync_directory(self.target.parent)


@contextmanager
def bag_at(target: Path) -> Iterator[BagWriter]:
    """A bag that is to stand at `target`, where nothing is yet; what fails leaves nothing.

    What a killed process left is removed. Raises `HostFileError`, also if another process writes the same bag.
    """
    import fcntl

    if os.path.lexists(target):
        raise taken(target)
    part = target.with_name(f".{target.name}.part")
    with telling_files(part):
        part.mkdir(mode=0o700, exist_ok=True)
        held = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise HostFileError(
                f"{target} is being written by another process", advice="let it end, or name another place"
            ) from error
        bag = BagWriter(target, part)
        try:
            with telling_files(part):
                for left in part.iterdir():
                    shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
                bag.data.mkdir(mode=0o700)
            yield bag
        except BaseException:
            with contextlib.suppress(OSError):
                shutil.rmtree(part)
            raise
    finally:
        os.close(held)


def lies_in_a_bag(store: Path) -> bool:
    """Whether a store is the payload of a bag: nothing may be added to it, since the bag would not be whole then."""
    path = store.resolve()
    return path.name == DATA and (path.parent / "bagit.txt").is_file()


def taken(target: Path) -> HostFileError:
    """The error for a place where something is."""
    return HostFileError(
        f"{target} is there already; nothing is replaced", advice="name a directory that is not there yet"
    )


def _write(path: Path, pieces: Iterable[bytes]) -> tuple[str, int]:
    """Writes a new file, durable; its SHA-256 and its size."""
    digest, size = hashlib.sha256(), 0
    with telling_files(path):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(path, flags, 0o600)
        try:
            for piece in pieces:
                write_all(file, piece)
                digest.update(piece)
                size += len(piece)
            os.fsync(file)
        finally:
            os.close(file)
    return digest.hexdigest(), size
