"""Reads files that must be this user's alone: keys, passphrases, and what says whom this host trusts.

Links are followed (a service manager may have put one there); what is judged is the file that was opened.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import Final

from bwc_sdk.errors import HostFileError, IdentityError, KeyFileLoose

SUDO_ENV: Final = "SUDO_UID"
"""Environment variable: who called sudo; see sudo(8)."""
UID_DIGITS: Final = 10
"""Of a user's number, which has 32 bits."""
SECRET_MAX: Final = 65_536
"""Bytes of a key file or of a passphrase's: a key and eight certificates take 16 KiB."""
CREDENTIALS_ENV: Final = "CREDENTIALS_DIRECTORY"
"""Environment variable: where systemd puts what a service gets by `LoadCredential=`; see systemd.exec(5)."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def read_secret(path: Path, *, pipe: bool = False) -> bytes:
    """A file that nobody but this user may read; with `pipe` it may be one that a program writes into.

    Raises `KeyFileLoose`, `IdentityError`, `HostFileError`.
    """
    return _read(path, SECRET_MAX, secret=True, pipe=pipe)


def read_trusted(path: Path, most: int = SECRET_MAX) -> bytes:
    """A file of at most `most` bytes that nobody but this user may change; others may read it. Raises as
    `read_secret`."""
    return _read(path, most, secret=False, pipe=False)


def check_directory(path: Path) -> None:
    """Raises `KeyFileLoose` for a directory in which somebody else may replace what this host trusts."""
    try:
        found = path.stat()
    except OSError as error:
        raise HostFileError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise IdentityError(
            f"{path} is not a directory", advice="name the directory that holds the key files"
        )
    problem = looseness(path, found, secret=False)
    if problem is not None:
        raise problem


def believed_owners() -> frozenset[int]:
    """Whose files this user believes: its own and root's; where this user is root by sudo, also those of who called it.
    For POSIX alone."""
    user = os.geteuid()
    caller = os.environ.get(SUDO_ENV, "") if user == 0 else ""
    by_sudo = [int(caller)] if caller.isascii() and caller.isdigit() and len(caller) <= UID_DIGITS else []
    return frozenset({0, user, *by_sudo})


def looseness(path: Path, found: os.stat_result, *, secret: bool) -> KeyFileLoose | None:
    """What is wrong with the rights of a file, with the command that mends it; None where nothing is."""
    if os.name != "posix":
        return None  # other systems have other rights, which this does not read
    if found.st_uid not in believed_owners():
        user, quoted = os.geteuid(), shlex.quote(str(path))
        return KeyFileLoose(
            f"{path} belongs to another user (uid {found.st_uid})",
            advice=f"sudo chown {user} {quoted}"
            if user != 0
            else f"run this as that user, not as root; or, if you know what it holds: chown 0 {quoted}",
        )
    mode = stat.S_IMODE(found.st_mode)
    loose = mode & (_OTHERS if secret else _OTHERS_WRITE)
    if secret and _given_by_systemd(path) and found.st_uid == 0:
        loose &= (
            ~stat.S_IRGRP
        )  # the mask of the list of rights by which systemd lets this service alone read it
    if not loose:
        return None
    directory = stat.S_ISDIR(found.st_mode)
    may = "read" if loose & (stat.S_IRGRP | stat.S_IROTH) and secret else "change"
    right = ("700" if directory else "600") if secret else "go-w"
    return KeyFileLoose(
        f"others may {may} {path} (mode {mode:04o})", advice=f"chmod {right} {shlex.quote(str(path))}"
    )


def _given_by_systemd(path: Path) -> bool:
    given = os.environ.get(CREDENTIALS_ENV)
    return bool(given) and path.parent == Path(str(given))


def _at_once(path: str, flags: int) -> int:
    """Opens without waiting for whoever writes into a pipe: there may be nobody."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read(path: Path, most: int, *, secret: bool, pipe: bool) -> bytes:
    try:
        with open(path, "rb", opener=None if pipe else _at_once) as file:
            found = os.fstat(file.fileno())
            problem = looseness(path, found, secret=secret)
            if problem is not None:
                raise problem
            if not pipe and not stat.S_ISREG(found.st_mode):
                raise IdentityError(f"{path} is no file", advice="put the file itself there")
            data = file.read(most + 1)
    except OSError as error:
        raise HostFileError(
            f"{path} cannot be read: {error.strerror}", advice="is it there, and does it belong to this user?"
        ) from error
    if len(data) > most:
        raise IdentityError(f"{path} has more than {most} bytes", advice="is this the right file?")
    return data
