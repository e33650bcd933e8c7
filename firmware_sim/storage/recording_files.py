"""Closed recordings on the flash: one directory each, complete or absent after a loss of power.

`<sequence>-<recording id>/` holds `manifest.cbor`, of a camera with an identity its signature `manifest.cose`, for each
segment `segment-000.table` and `segment-000.bin` (or `segment-000.json` with the recipe of synthetic bytes),
`annotations.json`, and once there are any `receipts.json`.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bwc_protocol.evidence import CipherSuite, EvidenceError, Manifest, SegmentFacts, verify_table
from bwc_protocol.evidence.sign1 import SIGN1_MAX
from firmware_sim.flash.flash import TEMPORARY, Flash, NotPlain, StateError
from firmware_sim.state.commit import Replace
from firmware_sim.state.files import parse_json, read_plain
from firmware_sim.state.kept_values import U64_MAX, digest, flag, part_of, whole, words
from firmware_sim.storage.blobs import (
    FORM,
    PIECE,
    Blob,
    FileBlob,
    Recipe,
    SealedBlob,
    SyntheticBlob,
    synthetic_of,
)
from firmware_sim.storage.receipts import RECEIPTS, KeptReceipt, of_plain, to_plain
from firmware_sim.storage.signing import Signing

ROOM: Final = "recordings"
"""The directory of all of them."""
ANNOTATIONS: Final = "annotations.json"
MANIFEST: Final = "manifest.cbor"
SIGNATURE: Final = "manifest.cose"
RECIPE: Final = ("seed", "size_bytes", "grows", "form")
RECIPE_KEY: Final = "key"
"""Of a recipe whose bytes are encrypted: it stands for the ciphertext, which a camera stores instead, without a key."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a recording: annotations, ready for JSON, and the camera's signature over their head."""

    annotations: list[dict[str, Any]]
    signature: bytes = b""

    def encode(self) -> bytes:
        """As it is kept."""
        return json.dumps({"annotations": self.annotations, "signature": self.signature.hex()}).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Said":
        """Raises `StateError` and `ValueError` for what is none."""
        kept = part_of(parse_json(data, ANNOTATIONS), ANNOTATIONS, ("annotations", "signature"))
        if not isinstance(kept["annotations"], list):
            raise StateError(f"{ANNOTATIONS} is damaged: not a list")
        return cls(kept["annotations"], bytes.fromhex(words(kept, "signature", 2 * SIGN1_MAX)))


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """What a directory holds."""

    manifest: Manifest
    manifest_bytes: bytes
    manifest_sha256: bytes
    signature: bytes
    """Over the manifest; empty of a camera without an identity."""
    tables: tuple[bytes, ...]
    blobs: tuple[Blob, ...]
    said: Said
    receipts: tuple[KeptReceipt, ...] = ()


class RecordingFiles:
    """All closed recordings of one camera. Raises `StateError` for a flash that cannot be used."""

    def __init__(self, flash: Flash, signing: Signing) -> None:
        self._flash = flash
        self._signing = signing
        self._hurried = False
        try:
            if not flash.is_directory(ROOM):
                flash.make_directory(ROOM)  # it is durable with what the boot keeps
            for name in flash.names(ROOM):
                if name.startswith(TEMPORARY):
                    self._demand_directory(name, "and no simulator left it behind")
                    flash.remove_tree(f"{ROOM}/{name}")
        except OSError as error:
            raise StateError(f"{flash.at(ROOM)} cannot be used: {error.strerror}") from error

    def _demand_directory(self, name: str, why: str) -> None:
        if not self._flash.is_directory(f"{ROOM}/{name}"):
            raise StateError(f"{self._flash.at(f'{ROOM}/{name}')} is no directory, {why}")

    def load(self) -> tuple[list[KeptRecording], list[str]]:
        """All recordings, and the names of those that cannot be used: flash rots, and the others are none the worse.

        Raises `StateError` for what no flash becomes by rotting: a pipe, a link, a directory where a file should be.
        """
        kept, damaged = [], []
        for name in self._flash.names(ROOM):
            self._demand_directory(name, "and all recordings are")
            try:
                kept.append(self._load(name))
            except NotPlain:
                raise
            except (OSError, ValueError, KeyError, TypeError, EvidenceError, StateError) as error:
                damaged.append(f"{name}: {error}")
        return kept, damaged

    @contextlib.contextmanager
    def hurrying(self) -> Iterator[None]:
        """Many recordings that a simulated camera comes with: synced once, at the end, and not one by one."""
        self._hurried = True
        try:
            yield
            self._flash.sync_all()
        finally:
            self._hurried = False

    def store(
        self,
        manifest: Manifest,
        manifest_bytes: bytes,
        signature: bytes,
        tables: Sequence[bytes],
        blobs: Sequence[Blob],
        said: Said,
    ) -> tuple[Blob, ...]:
        """Writes a recording; returns its blobs as they are read from now on.

        Raises `OSError`, and is then to be tried again: what is there of it is written anew.
        """
        final = _name(manifest)
        making = f"{ROOM}/{TEMPORARY}{final}"
        for of_before in () if self._hurried else (making, f"{ROOM}/{final}"):  # of an attempt that failed
            if self._flash.exists(of_before):
                self._flash.remove_tree(of_before)
        try:
            self._write(making, tables, blobs, said, manifest_bytes, signature)
            self._flash.rename(making, f"{ROOM}/{final}")
        except OSError:
            with contextlib.suppress(OSError):
                self._flash.remove_tree(making)
            raise
        if not self._hurried:
            # where that fails it may be there, and the next attempt takes its place
            self._flash.sync_directory(ROOM)
        return tuple(
            blob
            if synthetic_of(blob) is not None
            else FileBlob(self._flash, _footage(final, index), blob.size_bytes)
            for index, blob in enumerate(blobs)
        )

    def _write(
        self,
        making: str,
        tables: Sequence[bytes],
        blobs: Sequence[Blob],
        said: Said,
        manifest: bytes,
        signature: bytes,
    ) -> None:
        files = {ANNOTATIONS: said.encode(), MANIFEST: manifest}
        if signature:
            files[SIGNATURE] = signature
        for index, (table, blob) in enumerate(zip(tables, blobs, strict=True)):
            files[f"segment-{index:03}.table"] = table
            made_from = synthetic_of(blob)
            if made_from is not None:
                recipe: dict[str, Any] = {
                    "seed": made_from.seed,
                    "size_bytes": made_from.size_bytes,
                    "grows": made_from.grows,
                    "form": FORM,
                }
                if isinstance(blob, SealedBlob):
                    recipe[RECIPE_KEY] = blob.key.hex()
                files[f"segment-{index:03}.json"] = json.dumps(recipe).encode()
        self._flash.create_tree(making, files)
        for index, blob in enumerate(blobs):
            if synthetic_of(blob) is None:
                self._write_bytes(f"{making}/segment-{index:03}.bin", blob)
        if not self._hurried:
            for name in files:
                self._flash.sync(f"{making}/{name}")
            self._flash.sync_directory(making)

    def _write_bytes(self, name: str, blob: Blob) -> None:
        self._flash.create(name, b"")
        for offset in range(0, blob.size_bytes, PIECE):
            self._flash.write(name, offset, blob.read(offset, PIECE))
        if not self._hurried:
            self._flash.sync(name)

    def annotated(self, manifest: Manifest, said: Said) -> Replace:
        """The change that replaces the annotations of a recording by a longer list, together with its signature."""
        return Replace(f"{ROOM}/{_name(manifest)}/{ANNOTATIONS}", said.encode())

    def receipted(self, manifest: Manifest, receipts: tuple[KeptReceipt, ...]) -> Replace:
        """The change that replaces the receipts of a recording."""
        return Replace(f"{ROOM}/{_name(manifest)}/{RECEIPTS}", json.dumps(to_plain(receipts)).encode())

    # Freeing

    def free(self, sequence: int, recording_id: bytes) -> None:
        """Frees what there is of a recording that has a tombstone. Raises `OSError`, and is then to be repeated."""
        name = f"{ROOM}/{_named(sequence, recording_id)}"
        if self._flash.exists(name):
            self._flash.remove_tree(name)
            self._flash.sync_directory(ROOM)

    def free_all(self) -> None:
        """Frees every recording, those that cannot be read as well. Raises `OSError`, and is then to be repeated."""
        names = self._flash.names(ROOM)
        for name in names:
            self._flash.remove_tree(f"{ROOM}/{name}")
        if names:
            self._flash.sync_directory(ROOM)

    # Reading

    def _load(self, name: str) -> KeptRecording:
        data = self._there(name, MANIFEST)
        manifest = Manifest.decode(data)
        if name != _name(manifest):
            raise StateError("its manifest is that of another recording")
        tables = []
        for index, facts in enumerate(manifest.segments):
            tables.append(self._there(name, f"segment-{index:03}.table"))
            verify_table(tables[-1], facts)
        blobs = tuple(self._blob(name, index, facts) for index, facts in enumerate(manifest.segments))
        said = Said.decode(self._there(name, ANNOTATIONS))
        kept = read_plain(self._flash, f"{ROOM}/{name}/{RECEIPTS}")
        receipts = of_plain(parse_json(kept, RECEIPTS)) if kept is not None else ()
        signature = read_plain(self._flash, f"{ROOM}/{name}/{SIGNATURE}") or b""
        self._signing.check(lambda _: data, signature)
        sha256 = hashlib.sha256(data).digest()
        return KeptRecording(manifest, data, sha256, signature, tuple(tables), blobs, said, receipts)

    def _there(self, name: str, file: str) -> bytes:
        data = read_plain(self._flash, f"{ROOM}/{name}/{file}")
        if data is None:
            raise StateError(f"{file} is missing")
        return data

    def _blob(self, name: str, index: int, facts: SegmentFacts) -> Blob:
        size = self._flash.size(_footage(name, index))
        if size is not None:
            if size != facts.size_bytes:
                raise StateError(f"segment-{index:03}.bin is not {facts.size_bytes} bytes long")
            return FileBlob(self._flash, _footage(name, index), facts.size_bytes)
        file = f"segment-{index:03}.json"
        sealed = facts.cipher_suite is CipherSuite.AES_256_GCM
        recipe = part_of(
            parse_json(self._there(name, file), file), file, (*RECIPE, RECIPE_KEY) if sealed else RECIPE
        )
        seed = whole(recipe, "seed", 0, U64_MAX)
        whole(recipe, "form", FORM, FORM)
        blob: Recipe = SyntheticBlob(seed, whole(recipe, "size_bytes", 1, U64_MAX), flag(recipe, "grows"))
        if sealed:
            blob = SealedBlob(blob, digest(recipe, RECIPE_KEY), index, facts.chunk_size)
        if blob.size_bytes != facts.size_bytes:
            raise StateError(f"the recipe of segment {index} does not make {facts.size_bytes} bytes")
        return blob


def _name(manifest: Manifest) -> str:
    return _named(manifest.sequence, manifest.recording_id)


def _named(sequence: int, recording_id: bytes) -> str:
    return f"{sequence:08}-{recording_id.hex()}"


def _footage(name: str, index: int) -> str:
    """The file of a segment whose bytes are stored."""
    return f"{ROOM}/{name}/segment-{index:03}.bin"
