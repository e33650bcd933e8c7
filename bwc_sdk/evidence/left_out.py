"""What an export says is not in it, and why (spec: Exports).

It is the word of whoever exported, and nobody else's: it explains a gap, and makes nothing verified.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bwc_protocol.evidence import DIGEST_SIZE
from bwc_sdk.evidence import sealed_json
from bwc_sdk.evidence.chain import Link
from bwc_sdk.evidence.naming import LEFT_OUT_NAME
from bwc_sdk.evidence.sealed_json import RecordDamaged

if TYPE_CHECKING:
    from bwc_sdk.evidence.store import Store

LEFT_OUT_MAX: Final = 64 << 20
"""Bytes: 150,000 recordings."""
_ID: Final = re.compile(r"_([0-9a-f]{32})_")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutRecording:
    """A recording that is not there. Of one without a manifest nothing is known but its name."""

    name: str
    camera: str = ""
    sequence: int = 0
    generation: int = 0
    manifest_sha256: str = ""
    reason: str


@dataclass(slots=True)
class LeftOut:
    """All that is left out of an export."""

    recordings: list[LeftOutRecording] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    """Other files, each with why."""
    _ids: set[str] = field(default_factory=set)

    def add(self, recording: LeftOutRecording) -> None:
        """Takes one recording more."""
        found = _ID.search(recording.name)
        if found is None:
            raise ValueError(f"{recording.name[:80]!r} is no name of a recording")
        self.recordings.append(recording)
        self._ids.add(found[1])

    def merge(self, other: LeftOut, here: Container[str] = ()) -> None:
        """Takes what another export left out, but for recordings that are `here` all the same, by their names."""
        for one in other.recordings:
            if one.name not in here:
                self.add(one)
        self.files |= other.files

    def covers(self, name: str) -> bool:
        """Whether a file is one that was left out, or is of a recording that was."""
        found = _ID.search(name)
        return name in self.files or (found is not None and found[1] in self._ids)

    @property
    def count(self) -> int:
        """Recordings, and files of recordings."""
        return len(self.recordings) + sum(1 for name in self.files if _ID.search(name))

    def reasons(self) -> Iterator[str]:
        """A sentence for each reason."""
        whole = Counter(one.reason for one in self.recordings)
        parts = Counter(self.files.values())
        for counted, what in ((whole, "recording"), (parts, "file")):
            for reason, count in sorted(counted.items()):
                yield f"{count} {what}{'' if count == 1 else 's'}: {reason}"

    def links(self, store: str) -> Iterator[Link]:
        """What the chains of cameras need of these recordings."""
        for one in self.recordings:
            if one.sequence:
                yield Link(
                    camera=one.camera,
                    generation=one.generation,
                    sequence=one.sequence,
                    sha256=bytes.fromhex(one.manifest_sha256),
                    previous_sha256=None,
                    store=store,
                    file=LEFT_OUT_NAME,
                )

    def encode(self) -> bytes:
        """The file."""
        return sealed_json.encode(
            {
                "recordings": [
                    {
                        "name": one.name,
                        "camera": one.camera,
                        "sequence": one.sequence,
                        "generation": one.generation,
                        "manifest_sha256": one.manifest_sha256,
                        "reason": one.reason,
                    }
                    for one in self.recordings
                ],
                "files": [{"file": name, "reason": why} for name, why in sorted(self.files.items())],
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> LeftOut:
        """The file of bytes from anywhere. Raises `RecordDamaged`."""
        document = sealed_json.decode(data, LEFT_OUT_MAX)
        found = cls()
        try:
            for one in document["recordings"]:
                found.add(_recording(one))
            for one in document["files"]:
                found.files[_text(one["file"])] = _text(one["reason"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise RecordDamaged("it does not say what is left out") from error
        return found


def read_left_out(store: Store) -> LeftOut:
    """What is left out of a store that is an export; nothing of any other. Raises `RecordDamaged`, `OSError`."""
    if store.left_out is None:
        return LeftOut()
    return LeftOut.decode(store.read(store.left_out, LEFT_OUT_MAX))


def _recording(one: dict[str, Any]) -> LeftOutRecording:
    sequence, generation = one["sequence"], one["generation"]
    if type(sequence) is not int or type(generation) is not int or sequence < 0:
        raise TypeError("numbers")
    sha256 = _text(one["manifest_sha256"])
    if sequence and len(bytes.fromhex(sha256)) != DIGEST_SIZE:
        raise ValueError("a hash that is none")
    return LeftOutRecording(
        name=_text(one["name"]),
        camera=_text(one["camera"]),
        sequence=sequence,
        generation=generation,
        manifest_sha256=sha256,
        reason=_text(one["reason"]),
    )


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("a text that is none")
    return value
