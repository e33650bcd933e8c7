"""Records of hosts as JSON with a sum of their own: a bit that changed is found in the record itself, and who changed
it wilfully meets the custody chain that names it (spec: Custody chain)."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

VERSION: Final = 1
_SUM: Final = "sum"


class RecordDamaged(ValueError):
    """A record is none that a host wrote; it says what is wrong."""


def encode(document: dict[str, Any]) -> bytes:
    """The document with its sum, sorted keys and a line end."""
    return _text({**document, "version": VERSION, _SUM: _sum({**document, "version": VERSION})})


def decode(data: bytes, most: int) -> dict[str, Any]:
    """The document of bytes from anywhere, without its sum. Raises `RecordDamaged`."""
    if len(data) > most:
        raise RecordDamaged(f"it has more than {most} bytes")
    try:
        document = json.loads(data)
        stated = document.pop(_SUM)
        whole = stated == _sum(document) and data == _text({**document, _SUM: stated})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RecordDamaged("it is no record of a host") from error
    if not whole:
        raise RecordDamaged("something in it was changed, or it is not written as a host writes it")
    if type(document.get("version")) is not int or document["version"] < VERSION:
        raise RecordDamaged("it is of no version that is known")
    return dict(document)


def _text(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()


def _sum(document: dict[str, Any]) -> str:
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
