"""The records of a camera that came before its newest: none is ever written over.

The newest stands as `CAMERA.provisioned.json`, where it has always been. Each record has a name of its own beside it,
`CAMERA.provisioned-0001.json` and so on, with its signature and page, which stays. Each names the one before it, and
that one's SHA-256.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from bwc_sdk.identity.durable_files import replace

SIGNATURE: Final = ".cose"
_NUMBERED: Final = re.compile(r"(?P<newest>.+\.provisioned)-(?P<number>\d{4,9})\.json")
"""Nine digits: more records than a camera can get."""


def signature_of(record: Path) -> Path:
    """Where the signature of a record stands."""
    return record.with_name(record.name + SIGNATURE)


def page_beside(record: Path) -> Path:
    """Where the page of a record stands."""
    return record.with_name(record.name.removesuffix(".json") + ".html")


def numbered(newest: Path, number: int) -> Path:
    """The own name of a camera's record, by where its newest stands."""
    return newest.with_name(f"{newest.name.removesuffix('.json')}-{number:04d}.json")


def number_in(name: str, newest: Path) -> int:
    """The number in the own name of a record; 0 = it is none of the camera whose newest that is."""
    found = _NUMBERED.fullmatch(name)
    return int(found["number"]) if found and f"{found['newest']}.json" == newest.name else 0


def last_number(newest: Path) -> int:
    """The highest number that a record of the camera has; 0 = none. Raises `OSError`."""
    return max((number_in(path.name, newest) for path in newest.parent.iterdir()), default=0)


def keep(newest: Path) -> Path:
    """Gives the newest record a name of its own, unless it has one: durable before anything takes its place.

    Signature and page go before the record, as when it was written. Raises `OSError`.
    """
    last, data = last_number(newest), newest.read_bytes()
    if last and numbered(newest, last).read_bytes() == data:
        return numbered(newest, last)
    own = numbered(newest, last + 1)
    for beside in (signature_of, page_beside):
        if beside(newest).exists():
            replace(beside(own), beside(newest).read_bytes(), mode=0o640)
    replace(own, data, mode=0o640)
    return own
