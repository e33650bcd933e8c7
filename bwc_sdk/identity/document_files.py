"""Files of signed documents: read within bounds, written whole or not at all, never one over another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bwc_sdk.errors import DocumentError, HostFileError
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.identity.durable_files import replace, write_new

if TYPE_CHECKING:
    from bwc_protocol.documents.refusal import DocumentRefused


def read_document(path: Path, most: int) -> bytes:
    """The bytes of a file, at most `most`. Raises `HostFileError`, and `DocumentError` for a longer one."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        rule = f"{path} cannot be read: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error
    if len(data) > most:
        raise DocumentError(f"{path} has more than {most:,} bytes", advice="is this the right file?")
    return data


def require_new(path: Path) -> None:
    """Raises `HostFileError` where there is something already: a document is never written over another."""
    if path.exists() or path.is_symlink():
        raise _there_already(path)


def write_document(path: Path, data: bytes, *, over: bool = False) -> None:
    """Writes a file whole or not at all; `over` lets it take the place of one that is there. Raises `HostFileError`."""
    try:
        if over:
            replace(path, data, mode=0o644)
        else:
            write_new(path, data, mode=0o644)
    except FileExistsError as error:
        raise _there_already(path) from error
    except OSError as error:
        rule = f"{path} cannot be written: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error


def _there_already(path: Path) -> HostFileError:
    return HostFileError(f"{path} is there already", advice="name another file, or remove this one first")


def document_error(refused: DocumentRefused, advice: str, *, what: str = "the document") -> DocumentError:
    """A refusal as an error of this SDK."""
    return DocumentError(f"{what} is refused: {refused.detail}", check=refused.check, advice=advice)
