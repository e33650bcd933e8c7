"""Where `bwc ca` has its passphrases from: files, variables, credentials of systemd, or somebody at a terminal."""

import getpass
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from bwc_sdk.errors import IdentityError
from bwc_sdk.identity.private_files import CREDENTIALS_ENV, read_secret

ISSUING_ENV: Final = "BWC_CA_PASSPHRASE_FILE"
ROOT_ENV: Final = "BWC_CA_ROOT_PASSPHRASE_FILE"
STANDBY_ENV: Final = "BWC_CA_STANDBY_PASSPHRASE_FILE"
HOST_ENV: Final = "BWC_IDENTITY_PASSPHRASE_FILE"
CREDENTIALS: Final = {ISSUING_ENV: "bwc-ca-passphrase", HOST_ENV: "bwc-passphrase"}
"""Credentials of systemd by the variable that they stand for; the roots have none: they are not for services."""

IssuingFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help=f"Passphrase of the issuing CA's key; or {ISSUING_ENV}."
    ),
]
RootFile = Annotated[
    Path | None,
    typer.Option(
        "--root-passphrase-file", metavar="FILE", help=f"Passphrase of the root's key; or {ROOT_ENV}."
    ),
]
StandbyFile = Annotated[
    Path | None,
    typer.Option(
        "--standby-passphrase-file",
        metavar="FILE",
        help=f"Passphrase of the standby root's key; or {STANDBY_ENV}.",
    ),
]
HostFile = Annotated[
    Path | None,
    typer.Option(
        "--identity-passphrase-file",
        metavar="FILE",
        help=f"Passphrase of a host's key file; or {HOST_ENV}.",
    ),
]


@dataclass(slots=True)
class Passphrases:
    """The passphrases of one run, each asked for once. `new` ones are typed twice."""

    issuing: Path | None = None
    root: Path | None = None
    standby: Path | None = None
    host: Path | None = None
    new: bool = False
    _known: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def __call__(self, path: Path) -> bytes:
        """The passphrase of a key file, by its name. Raises `IdentityError` where there is none to be had."""
        if path.name.startswith("issuing"):
            return self._of(ISSUING_ENV, self.issuing, path, "issuing")
        if path.name.startswith("standby"):
            return self._of(STANDBY_ENV, self.standby, path, "standby root")
        return self._of(ROOT_ENV, self.root, path, "root")

    def of_host(self, path: Path) -> bytes:
        """The passphrase of a host's key file."""
        return self._of(HOST_ENV, self.host, path, "identity")

    def of_new_host(self, path: Path) -> bytes:
        """The passphrase of a host's key file that is to be made."""
        return self._of(HOST_ENV, self.host, path, "identity", new=True)

    def new_issuing(self) -> bytes:
        """The passphrase of an issuing CA that is to be made."""
        return self._of(ISSUING_ENV, self.issuing, Path("issuing.p12"), "issuing", new=True)

    def _of(self, variable: str, given: Path | None, path: Path, word: str, *, new: bool = False) -> bytes:
        source = given or _named(variable)
        if source is not None:
            first = read_secret(source, pipe=True).split(b"\n", 1)[0].removesuffix(b"\r")
            if not first:
                raise IdentityError(
                    f"{source} has no passphrase in its first line", advice="write it there, and chmod 600"
                )
            return first
        key = word, str(path)
        if key not in self._known:
            self._known[key] = _typed(path, variable, word, twice=new or self.new)
        return self._known[key]


def _named(variable: str) -> Path | None:
    if os.environ.get(variable):
        return Path(os.environ[variable])
    directory = os.environ.get(CREDENTIALS_ENV)
    if directory and variable in CREDENTIALS:
        credential = Path(directory) / CREDENTIALS[variable]
        return credential if credential.exists() else None
    return None


def _typed(path: Path, variable: str, word: str, *, twice: bool) -> bytes:
    if not sys.stdin.isatty():
        option = {"issuing": "--passphrase-file", "identity": "--identity-passphrase-file"}.get(
            word, f"--{word.split()[0]}-passphrase-file"
        )
        raise IdentityError(
            f"{path} needs a passphrase, and nobody is here to type it",
            advice=f"{option} FILE or {variable}=FILE names a file with it (chmod 600)",
        )
    said = getpass.getpass(f"passphrase of {path}: ")
    if twice and getpass.getpass("the same again: ") != said:
        raise IdentityError("the two passphrases are not the same", advice="run the command again")
    return said.encode()
