"""Receipts as files: copied to where docks deliver from, and found there for what a camera lists."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from bwc_protocol.documents.receipt import RECEIPT_MAX, Receipt
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.errors import BwcError, HostFileError
from bwc_sdk.evidence.naming import HASH_DIGITS, OBJECTS_SUFFIX, RECEIPT_SUFFIX, recording_name
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.host.filesystem import FileSystem, read_upto
from bwc_sdk.identity.document_files import document_error, read_document
from bwc_sdk.identity.durable_files import telling_files, write_new

RECEIPTS_MAX: Final = 64
"""Receipts of one recording and head that are offered: a camera keeps eight, and what does not count is passed by."""
_NO_RECEIPT: Final = "find out what put it there, move it away, and have the recording receipted again"


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


@dataclass(frozen=True, slots=True)
class UnreadableReceipt:
    """A file under the name of a receipt for this recording, which is none, or cannot be read."""

    path: Path
    error: BwcError


class ReceiptShelf:
    """The receipts in a directory, by the names that they have; looked through once. All methods block.

    What lies there is brought to the medium before it is given to anybody (REC-076): whoever put it there may have been
    stopped before he could.
    """

    def __init__(self, files: FileSystem, path: Path, directory: int, names: Sequence[str]) -> None:
        self._files = files
        self._path = path
        self._directory = directory
        self._names: dict[str, list[str]] = {}
        for name in sorted(names):
            if name.endswith(RECEIPT_SUFFIX):
                self._names.setdefault("_".join(name.split("_")[:-2]), []).append(name)

    @classmethod
    def open(cls, files: FileSystem, path: Path) -> Self:
        """Looks through a directory, which is open until it is closed. Raises `HostFileError`."""
        try:
            directory = files.open_directory(path)
            try:
                _settle(lambda: files.sync_directory(directory))
                return cls(files, path, directory, files.names(directory))
            except BaseException:
                files.close(directory)
                raise
        except OSError as error:
            raise _unreadable(path, error) from error

    def close(self) -> None:
        """Closes the directory."""
        with contextlib.suppress(OSError):  # nothing was written
            self._files.close(self._directory)

    def of(self, camera: str, entry: RecordingEntry) -> list[LyingReceipt | UnreadableReceipt]:
        """What lies there for a recording with the annotations that its camera lists; what is for another head is
        passed over."""
        name = recording_name(camera, entry.recording, entry.manifest_sha256)
        head = entry.annotations_sha256.hex()[:HASH_DIGITS]
        own = [one for one in self._names.get(name, ()) if one.startswith(f"{name}_{head}_")]
        return [self._read(one, entry) for one in own[:RECEIPTS_MAX]]

    def _read(self, name: str, entry: RecordingEntry) -> LyingReceipt | UnreadableReceipt:
        path = self._path / name
        try:
            document = self._content(name)
            signed = SignedDocument.decode(document)
            receipt = Receipt.decode(signed.payload)
            about = (receipt.recording_id, receipt.manifest_sha256, receipt.annotations_sha256)
            require(
                about == (entry.recording, entry.manifest_sha256, entry.annotations_sha256),
                DocumentCheck.DEVICE,
                "it is not about the recording that its name says",
            )
        except DocumentRefused as refused:
            return UnreadableReceipt(path, document_error(refused, _NO_RECEIPT, what=str(path)))
        except OSError as error:
            return UnreadableReceipt(path, _unreadable(path, error))
        return LyingReceipt(path, document, receipt, signed.sha256)

    def _content(self, name: str) -> bytes:
        file = self._files.reopen(self._directory, name, write=False)
        try:
            _settle(lambda: self._files.sync(file))
            self._files.drop_cache(file)
            content = bytearray(RECEIPT_MAX + 1)
            return bytes(content[: read_upto(self._files, file, memoryview(content), 0)])
        finally:
            self._files.close(file)


def _settle(sync: Callable[[], object]) -> None:
    """Syncs, where there is something to sync: what is on a read-only medium is there."""
    try:
        sync()
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise


def _unreadable(path: Path, error: OSError) -> HostFileError:
    return HostFileError(f"{path} cannot be read: {error.strerror or error}", advice=file_advice(error))
