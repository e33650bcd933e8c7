"""What a run is told to write is tried before its first test, not found out after its last.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import pytest

PROBE: Final = ".bwc-probe-"


def need_folder(option: str, folder: Path) -> None:
    """Makes the folder, and something in it that goes at once. Raises `UsageError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try_in(folder)
    except OSError as error:
        raise _wrong(option, f"nothing can be written into {folder}", error) from error


def need_file(option: str, path: Path) -> None:
    """Something can be written beside the file, whose place it takes at the end. Raises `UsageError`, also for what is
    no file: a pipe or a device in its place would be gone."""
    if path.exists() and not path.is_file():
        raise pytest.UsageError(
            f"{option}: {path} is no file; try: name a file, which is written anew at the end of the run"
        )
    try:
        _try_in(path.resolve().parent)
    except OSError as error:
        raise _wrong(option, f"{path} cannot be written", error) from error


def _try_in(folder: Path) -> None:
    with tempfile.NamedTemporaryFile(prefix=PROBE, dir=folder):
        pass


def _wrong(option: str, what: str, error: OSError) -> pytest.UsageError:
    from bwc_sdk.host.file_advice import file_advice

    return pytest.UsageError(f"{option}: {what}: {error.strerror or error}; try: {file_advice(error)}")
