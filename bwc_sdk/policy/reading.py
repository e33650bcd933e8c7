"""Packs from files: TOML, read within bounds, with one line for each thing that is wrong; and the shipped ones."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from bwc_sdk.errors import HostFileError, PolicyError
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.policy.pack import Pack, nearest
from bwc_sdk.policy.pack_problems import problems

PACK_MAX: Final = 524_288
"""Bytes of a pack: a department's with all rules, notes and categories has some ten thousand."""
FILES_MAX: Final = 1_000
"""Packs of a directory that are looked through for a parent."""


def parse_pack(content: bytes, name: str) -> Pack:
    """The pack of a file's bytes; `name` is what errors call it. Raises `PolicyError`."""
    if len(content) > PACK_MAX:
        raise PolicyError((f"{name}: larger than {PACK_MAX} bytes",))
    try:
        found = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PolicyError((f"{name}: not TOML: it is not UTF-8",)) from error
    except RecursionError as error:
        raise PolicyError((f"{name}: tables within tables without end",)) from error
    except ValueError as error:  # tomllib's own, and of numbers with too many digits
        raise PolicyError((f"{name}: not TOML: {error}",)) from error
    try:
        return Pack.model_validate(found)
    except ValidationError as error:
        raise PolicyError(problems(name, found, error)) from error


def read_pack(path: Path) -> Pack:
    """The pack of a file. Raises `HostFileError`, `PolicyError`."""
    try:
        with path.open("rb") as file:
            content = file.read(PACK_MAX + 1)
    except OSError as error:
        rule = f"{path} cannot be read: {error.strerror or error}"
        raise HostFileError(rule, advice=file_advice(error)) from error
    return parse_pack(content, path.name)


def shipped_ids() -> list[str]:
    """The ids of the packs that come with this package."""
    places = files("bwc_sdk.policy").joinpath("packs").iterdir()
    return sorted(one.name.removesuffix(".toml") for one in places if one.name.endswith(".toml"))


def shipped_text(pack_id: str) -> bytes:
    """The file of a shipped pack."""
    return files("bwc_sdk.policy").joinpath("packs").joinpath(f"{pack_id}.toml").read_bytes()


def shipped_pack(pack_id: str) -> Pack:
    """A shipped pack. Raises `PolicyError` for an id that none has."""
    if pack_id not in shipped_ids():
        hint = nearest(pack_id, shipped_ids())
        raise PolicyError((f"{pack_id}: neither a file nor a pack that is shipped{hint}",))
    return parse_pack(shipped_text(pack_id), pack_id)


def named_pack(name: str) -> tuple[Pack, Path | None]:
    """What somebody named: a file, or the id of a shipped pack; and the directory of the file."""
    path = Path(name)
    if path.exists() or "/" in name or name.endswith(".toml"):
        return read_pack(path), path.parent
    return shipped_pack(name), None


_WHERE: Final = (
    "--packs names a directory where to look for parents and laws; 'bwc policy list' shows what is shipped"
)


class Library:
    """Where parents and laws are looked for by their ids: packs at hand, directories, and what is shipped."""

    def __init__(self, packs: Iterable[Pack] = (), directories: Iterable[Path] = ()) -> None:
        self._packs = list(packs)
        self._directories = list(dict.fromkeys(directories))
        self._read: list[Pack] | None = None
        self._broken: dict[str, PolicyError] = {}
        """Files of directories that would be a pack of this id, and are none."""

    def find(self, pack_id: str, sha256: str | None = None) -> Pack:
        """The pack of an id, of exactly this hash if one is given. Raises `PolicyError`."""
        for packs in self._tiers():
            found = {one.sha256: one for one in packs if one.id == pack_id}
            if sha256 in found:
                return found[sha256]
            if sha256 is None and len(found) > 1:
                hashes = ", ".join(one[:16] for one in sorted(found))
                raise PolicyError(
                    (
                        f"{pack_id}: several packs have this id ({hashes}): give one another id, or name its hash",
                    )
                )
            if sha256 is None and found:
                return next(iter(found.values()))
            if sha256 is None and packs is self._read and pack_id in self._broken:
                raise self._broken[pack_id]  # before what is shipped: a file that somebody wrote was meant
        if pack_id in self._broken:
            raise self._broken[pack_id]
        if sha256 is not None:
            raise PolicyError(
                (f"{pack_id}: no pack of that id here has the hash {sha256[:16]}",), advice=_WHERE
            )
        raise PolicyError((f"{pack_id}: no pack of this id is here",), advice=_WHERE)

    def also(self, pack: Pack) -> None:
        """Takes one more pack that is at hand."""
        self._packs.append(pack)

    def _tiers(self) -> Iterator[list[Pack]]:
        """What was given goes before what lies in directories, and that before what is shipped."""
        yield self._packs
        if self._read is None:
            self._read = list(self._of_directories())
        yield self._read
        yield [shipped_pack(one) for one in shipped_ids()]

    def _of_directories(self) -> Iterator[Pack]:
        for directory in self._directories:
            for path in sorted(one for one in directory.glob("*.toml") if one.is_file())[:FILES_MAX]:
                try:
                    yield read_pack(path)
                except PolicyError as error:
                    if (named := _id_of(path)) is not None:
                        self._broken.setdefault(named, error)


def _id_of(path: Path) -> str | None:
    """The id that a file says it has, although it is no pack; None of a profile, say, or of what is no TOML."""
    try:
        with path.open("rb") as file:
            found = tomllib.loads(file.read(PACK_MAX).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    named = found.get("id")
    return named if isinstance(named, str) and "pack" in found else None
