"""Registers a copy that was made from a recording: the copy and what it was made from, beside it in the store
(spec: Derived copies).

The source read back and found whole < copy durable < record durable < record named in the custody chain. Whoever is
killed between two of these runs the same again. All functions block.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bwc_protocol.evidence import Manifest
from bwc_sdk.destination.custody_log import CustodyLog, Fact, append_waiting
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.directory_store import DirectoryStore
from bwc_sdk.destination.faults import Appeared
from bwc_sdk.destination.final_names import Move
from bwc_sdk.errors import DestinationBusy, EvidenceMismatch, HostFileError, InvalidValue
from bwc_sdk.evidence import sealed_json
from bwc_sdk.evidence.bag import lies_in_a_bag
from bwc_sdk.evidence.custody_line import Recorded
from bwc_sdk.evidence.derivation import (
    DERIVATION_MAX,
    PIECE,
    TEXT_MAX,
    Derivation,
    ending_of,
    stem_of,
)
from bwc_sdk.evidence.naming import (
    DERIVATION_SUFFIX,
    PART_SUFFIX,
    derived_name,
    segment_name,
)
from bwc_sdk.evidence.read_back import NotWhole, read_manifest, read_segment
from bwc_sdk.evidence.sealed_json import RecordDamaged
from bwc_sdk.evidence.search import the_one
from bwc_sdk.evidence.store import RecordingFiles, Store
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.host.filesystem import write_all
from bwc_sdk.host.world import World
from bwc_sdk.quantity import exact_utc
from bwc_sdk.version import __version__

COPY_PART: Final = "derived" + PART_SUFFIX
"""In `.incoming`: a copy on its way into the store. One at a time: whoever holds its lock."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A copy that is registered."""

    record: Path
    copy: Path
    document: dict[str, Any]
    fresh: bool
    """Whether it was registered now."""


def derive(
    source: Path, copy: Path, *, tool: str, reason: str, by: str, world: World | None = None
) -> Derived:
    """Registers `copy`, which `tool` made from `source`: a segment, a manifest (for all its segments) or an earlier
    copy, in a store.

    The copy is brought into the store; where it lay it stays. Registering the same again changes nothing. Raises
    `EvidenceMismatch` for a source that is not what was recorded, `InvalidValue`, `HostFileError`, `NoSuchRecording`,
    `DestinationError`.
    """
    for name, text in (("tool", tool), ("reason", reason), ("by", by)):
        if not text.strip() or len(text) > TEXT_MAX or not text.isprintable():
            raise InvalidValue(f"{name}: a text of 1 to {TEXT_MAX} printable characters says it")
    if lies_in_a_bag(source.parent):
        raise InvalidValue(
            f"{source.parent} is the payload of a bag, which would not be whole any more",
            advice="copy it to a directory of its own first",
        )
    world = world or World()
    with Store.open(source.parent) as looked:
        files = the_one(looked, source.name).files
    opened = Destination.open(world.files, source.parent)
    try:
        with errors_of(opened, "registering a copy"):
            return _Registering(opened, world, files).run(source.name, copy, tool, reason, by)
    finally:
        opened.close()


class _Registering:
    """One copy on its way."""

    def __init__(self, destination: Destination, world: World, files: RecordingFiles) -> None:
        self._destination = destination
        self._store = DirectoryStore(destination)
        self._world = world
        self._files = files

    def run(self, source: str, copy: Path, tool: str, reason: str, by: str) -> Derived:
        try:
            manifest = read_manifest(self._store, self._files.name)
            sources = self._sources(source, manifest)
        except NotWhole as error:
            raise EvidenceMismatch(
                f"{source} is not what was recorded: {error}",
                advice="a copy of it would say nothing of the recording; 'bwc evidence verify' tells the rest",
            ) from error
        name, sha256, size = self._bring(copy)
        utc_ns = self._world.utc_ns()
        document = {
            "sdk": __version__,
            "camera": manifest.camera,
            "recording": manifest.recording_id.hex(),
            "sequence": manifest.sequence,
            "manifest_sha256": manifest.sha256.hex(),
            "sources": sources,
            "copy": {
                "file": name,
                "sha256": sha256.hex(),
                "size_bytes": size,
                "named": copy.name[:255].encode("utf-8", "replace").decode(),
            },
            "tool": tool,
            "reason": reason,
            "by": by,
            "utc_ns": utc_ns,
            "utc": exact_utc(utc_ns),
            "clock": self._world.host_time().plain(),
        }
        record = stem_of(self._files.name, sha256) + DERIVATION_SUFFIX
        content = sealed_json.encode(document)
        fresh = self._store.create(record, content)
        if not fresh:
            content = self._store.read_small(record, DERIVATION_MAX) or b""
            document = self._there(record, content, document, manifest)
        fact = Fact(Recorded.DERIVATION, record, hashlib.sha256(content).digest(), fresh=fresh)
        append_waiting(CustodyLog(self._destination, self._world), [fact])
        path = self._destination.path
        return Derived(path / record, path / name, document, fresh)

    def _sources(self, source: str, manifest: Manifest) -> list[dict[str, Any]]:
        """What the copy was made from, read back from the medium. Raises `NotWhole`."""
        keys = frozenset(self._store.keys())
        if source in self._files.derived:
            return [self._earlier(source)]
        numbers = [
            number
            for number, one in self._files.segments.items()
            if source in (one.footage, one.sealed, one.table, one.custody)
        ] or range(len(manifest.segments))
        found = []
        for number in numbers:
            if number >= len(manifest.segments):
                raise NotWhole(f"the recording has no segment {number}")
            own = segment_name(manifest.camera, manifest.recording_id, number, manifest.sha256)
            footage, _ = read_segment(self._store, own, number, manifest.segments[number], keys)
            found.append(
                {
                    "file": footage.key,
                    "segment": number,
                    "size_bytes": footage.size_bytes,
                    "table_sha256": footage.sha256.hex(),
                }
            )
        return found

    def _earlier(self, source: str) -> dict[str, Any]:
        digest, size = hashlib.sha256(), 0
        with self._store.read_back(source) as found:
            for piece in found.pieces:
                digest.update(piece)
                size += len(piece)
        if f"_{digest.hexdigest()[:16]}." not in source:
            raise NotWhole("it is another copy than its name says")
        return {"file": source, "segment": None, "size_bytes": size, "sha256": digest.hexdigest()}

    def _bring(self, copy: Path) -> tuple[str, bytes, int]:
        """Brings the copy into the store, a piece at a time, durable; its name, hash and size."""
        files, incoming = self._destination.files, self._destination.incoming
        source = open_regular(copy)
        try:
            try:
                file = files.create(incoming, COPY_PART)
            except FileExistsError:  # of a run that was killed, or of one at work
                file = files.reopen(incoming, COPY_PART, write=True)
            try:
                if not files.lock(file) or not files.is_named(file, incoming, COPY_PART):
                    raise DestinationBusy("another process brings a copy into this store")
                try:
                    return self._place(file, source, copy)
                except BaseException:
                    with contextlib.suppress(OSError):
                        self._destination.names.drop(file, COPY_PART)
                    raise
            finally:
                files.close(file)
        finally:
            os.close(source)

    def _place(self, file: int, source: int, copy: Path) -> tuple[str, bytes, int]:
        files = self._destination.files
        files.truncate(file, 0)
        digest, size = hashlib.sha256(), 0
        while piece := read_piece(source, copy):
            write_all(files, file, memoryview(piece), size)
            digest.update(piece)
            size += len(piece)
        files.sync(file)
        name = derived_name(self._files.name, digest.digest(), ending_of(copy.name))
        try:
            self._destination.names.place([Move(file, COPY_PART, name)])
        except (FileExistsError, Appeared):
            self._require_same(name, digest.hexdigest())
            self._destination.names.drop(file, COPY_PART)
        return name, digest.digest(), size

    def _require_same(self, name: str, sha256: str) -> None:
        there = hashlib.sha256()
        with self._store.read_back(name) as found:
            for piece in found.pieces:
                there.update(piece)
        if there.hexdigest() != sha256:
            raise EvidenceMismatch(
                f"{name} is there, and is another copy than its name says",
                advice="move it away, and run the same command again",
            )

    def _there(
        self, record: str, content: bytes, document: dict[str, Any], manifest: Manifest
    ) -> dict[str, Any]:
        """What is registered of this copy already, if it says the same."""
        try:
            there = Derivation.decode(content, self._files.name, manifest)
        except RecordDamaged as damaged:
            raise EvidenceMismatch(
                f"{record} is there, and is damaged: {damaged}",
                advice="move it away, and run the same command again",
            ) from damaged
        if not there.same(Derivation(document)):
            raise InvalidValue(
                f"this copy is registered already: by {there.document['by']}, made by "
                f"{there.document['tool']}, for: {there.document['reason']}",
                advice="the first record stands; say the same, or register another copy",
            )
        return there.document


def open_regular(path: Path) -> int:
    """A file of the user's, open for reading: a link to one is his choice, a pipe is not waited for.

    Raises `HostFileError`.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise HostFileError(
            f"{path} cannot be read: {error.strerror or error}", advice=file_advice(error)
        ) from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise HostFileError(f"{path} is not a regular file", advice="name the copy itself")
    return file


def read_piece(file: int, path: Path) -> bytes:
    """The next piece of an open file. Raises `HostFileError`."""
    try:
        return os.read(file, PIECE)
    except OSError as error:
        raise HostFileError(f"{path} cannot be read: {error.strerror or error}") from error


@contextmanager
def errors_of(destination: Destination, what: str) -> Iterator[None]:
    """What the system refuses, as the destination's error."""
    try:
        yield
    except OSError as error:
        raise destination.error(error, what) from error
