"""Receipts as files: copied to where docks deliver from, and found there for what a camera lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bwc_protocol.documents.receipt import RECEIPT_MAX, Receipt
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.errors import DocumentError, HostFileError
from bwc_sdk.evidence.naming import OBJECTS_SUFFIX, RECEIPT_SUFFIX, recording_name
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.identity.document_files import read_document
from bwc_sdk.identity.durable_files import telling_files, write_new

RECEIPTS_MAX: Final = 64
"""Receipts of one recording and head that are offered: a camera keeps eight, and what does not count is passed by."""


@dataclass(frozen=True, slots=True)
class LyingReceipt:
    """A receipt that lies ready for a recording as its camera lists it. Who signed it the camera judges."""

    path: Path
    document: bytes
    receipt: Receipt
    sha256: bytes


def copy_receipts(paths: Sequence[Path], into: Path) -> None:
    """Puts receipts and their lists of objects into a directory, made if it is missing; what is there stays.

    Raises `HostFileError`, `DocumentError`.
    """
    with telling_files(into):
        into.mkdir(mode=0o755, parents=True, exist_ok=True)
    for path in paths:
        for one in (path.with_suffix(OBJECTS_SUFFIX), path):  # the receipt last: it names the other
            content = read_document(one, 1 << 20)
            target = into / one.name
            try:
                with telling_files(into):
                    write_new(target, content, mode=0o644)
            except HostFileError as error:
                if not isinstance(error.__cause__, FileExistsError):
                    raise
                if target.read_bytes() != content:
                    raise HostFileError(
                        f"{target} is there already, with another content",
                        advice="name another directory, or look what put it there",
                    ) from error


class ReceiptShelf:
    """The receipts in a directory, by the names that they have; looked through once."""

    def __init__(self, directory: Path) -> None:
        """Raises `HostFileError`."""
        self._directory = directory
        try:
            names = sorted(path.name for path in directory.iterdir() if path.name.endswith(RECEIPT_SUFFIX))
        except OSError as error:
            raise HostFileError(
                f"{directory} cannot be read: {error.strerror or error}", advice=file_advice(error)
            ) from error
        self._names: dict[str, list[str]] = {}
        for name in names:
            self._names.setdefault("_".join(name.split("_")[:-2]), []).append(name)

    def of(self, camera: str, entry: RecordingEntry) -> Iterator[LyingReceipt]:
        """What lies there for a recording with the annotations that its camera lists; what is for another head is
        passed over."""
        name = recording_name(camera, entry.recording, entry.manifest_sha256)
        head = entry.annotations_sha256.hex()[:16]
        own = [one for one in self._names.get(name, ()) if one.startswith(f"{name}_{head}_")]
        for one in own[:RECEIPTS_MAX]:
            path = self._directory / one
            try:
                document = read_document(path, RECEIPT_MAX)
                signed = SignedDocument.decode(document)
                receipt = Receipt.decode(signed.payload)
            except (DocumentRefused, HostFileError, DocumentError):
                continue
            about = (receipt.recording_id, receipt.manifest_sha256, receipt.annotations_sha256)
            if about == (entry.recording, entry.manifest_sha256, entry.annotations_sha256):
                yield LyingReceipt(path, document, receipt, signed.sha256)
