"""Where the passphrase of a key file comes from: a file, a credential of systemd, or somebody at a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bwc_sdk.errors import IdentityError
from bwc_sdk.identity.private_files import CREDENTIALS_ENV, read_secret

PASSPHRASE_FILE_ENV: Final = "BWC_IDENTITY_PASSPHRASE_FILE"
"""Environment variable: a file whose first line is the passphrase of this host's key files."""
CREDENTIAL: Final = "bwc-passphrase"
"""Name of the credential: `LoadCredentialEncrypted=bwc-passphrase:…` in the unit of a service."""
PASSPHRASE_MAX: Final = 1_024
"""Bytes of a passphrase; nobody types more."""

Ask = Callable[[str], str | None]
"""Asks a person for the passphrase of a file; None where there is nobody to be asked."""
HOW_TO_GIVE_IT: Final = (
    f"{PASSPHRASE_FILE_ENV}=FILE names a file with it (chmod 600), a service gets it by "
    f"LoadCredential={CREDENTIAL}:FILE, and on a terminal bwc asks"
)


def passphrase_for(file: Path, ask: Ask | None) -> tuple[bytes, str] | None:
    """The passphrase and where it came from; None where there is none to be had.

    Raises `KeyFileLoose`, `IdentityError`, `HostFileError`.
    """
    for source in _files():
        return _first_line(source), str(source)
    typed = ask(f"passphrase of {file}: ") if ask is not None else None
    return None if typed is None else (typed.encode(), "the terminal")


def _files() -> list[Path]:
    found = []
    if named := os.environ.get(PASSPHRASE_FILE_ENV):
        found.append(Path(named))
    if directory := os.environ.get(CREDENTIALS_ENV):
        credential = Path(directory) / CREDENTIAL
        if credential.exists():
            found.append(credential)
    return found


def _first_line(path: Path) -> bytes:
    line = read_secret(path, pipe=True).split(b"\n", 1)[0].removesuffix(b"\r")
    if not line or len(line) > PASSPHRASE_MAX:
        rule = "has an empty first line" if not line else f"has a line of more than {PASSPHRASE_MAX} bytes"
        raise IdentityError(f"{path} {rule}", advice="its first line has to be the passphrase")
    return line
