"""Tombstones of a camera on its flash: one line each, only ever added (spec: Tombstones).

A tombstone is durable before a block of its recording is freed; what a loss of power left of the recording goes at the
next start.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import TOMBSTONE_MAX, Tombstone
from bwc_protocol.evidence import NO_SHA256
from firmware_sim.flash.flash import StateError
from firmware_sim.state.commit import Append, Change, Replace
from firmware_sim.state.directory import StateDirectory
from firmware_sim.state.files import parse_json, read_plain
from firmware_sim.state.kept_values import part_of
from firmware_sim.storage.receipts import document_of

NAME: Final = "tombstones.json"
TOMBSTONES_MAX: Final = 16_384
"""Tombstones that a camera keeps, about 30 MB of this form: ten a day for four years. Beyond, nothing is erased: a
recording that left no trace would be worse than one that stays."""


@dataclass(frozen=True, slots=True)
class KeptTombstone:
    """One of them, and the document that is told to hosts."""

    tombstone: Tombstone
    document: bytes = field(repr=False)
    sha256: bytes

    @classmethod
    def of(cls, document: bytes) -> Self:
        """Raises `DocumentRefused`."""
        signed = SignedDocument.decode(document)
        return cls(Tombstone.decode(signed.payload), document, signed.sha256)


class Tombstones:
    """All of them, in the order of their counters. Raises `StateError` for a file that cannot be used."""

    def __init__(self, state: StateDirectory) -> None:
        self._kept: list[KeptTombstone] = []
        self._by_id: dict[bytes, KeptTombstone] = {}
        self._size: int | None = None
        data = read_plain(state.flash, NAME)
        if data is not None:
            self._size = len(data)
            for line in data.splitlines():
                self._remember(self._read(line, state.flash.at(NAME)))

    def _read(self, line: bytes, name: object) -> KeptTombstone:
        found = part_of(parse_json(line, name), "a tombstone", ("tombstone",))
        try:
            kept = KeptTombstone.of(document_of(found["tombstone"], TOMBSTONE_MAX))
        except DocumentRefused as error:
            raise StateError(f"{name} is damaged: {error}") from error
        if (kept.tombstone.counter, kept.tombstone.previous_sha256) != self.next:
            raise StateError(f"{name} is damaged: tombstone {kept.tombstone.counter} does not follow")
        return kept

    def _remember(self, kept: KeptTombstone) -> None:
        self._kept.append(kept)
        self._by_id[kept.tombstone.recording_id] = kept

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def all(self) -> Sequence[KeptTombstone]:
        """In the order of their counters, which rise by one from 1."""
        return self._kept

    @property
    def next(self) -> tuple[int, bytes]:
        """Counter of the next one, and the hash that it has to name."""
        return len(self._kept) + 1, self._kept[-1].sha256 if self._kept else NO_SHA256

    def find(self, recording_id: bytes) -> KeptTombstone | None:
        """That of a recording, if it was erased."""
        return self._by_id.get(recording_id)

    def change(self, added: Sequence[KeptTombstone]) -> Change:
        """What keeps more of them."""
        data = b"".join(_line(one) for one in added)
        return Replace(NAME, data) if self._size is None else Append(NAME, self._size, data)

    def added(self, added: Sequence[KeptTombstone]) -> None:
        """They are kept."""
        self._size = (self._size or 0) + sum(len(_line(one)) for one in added)
        for one in added:
            self._remember(one)


def _line(kept: KeptTombstone) -> bytes:
    return json.dumps({"tombstone": base64.b64encode(kept.document).decode()}).encode() + b"\n"
