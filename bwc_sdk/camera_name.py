"""A camera's identity as part of a file name (spec: Stored names)."""

import hashlib
import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{0,31}")
_NOT_PLAIN: Final = re.compile(r"[^A-Z0-9]+")
_HASH_DIGITS: Final = 16
"""64 bits: nobody meets a second identity with them by chance."""


def camera_name(identity: str) -> str:
    """A camera's identity as part of a file name.

    An identity of capital letters, digits and `-` stands for itself. Any other is stripped to those and gets
    a hash of the whole, after `_`, which no plain one has: so no two identities become the same name.
    """
    if _PLAIN.fullmatch(identity):
        return identity
    stripped = _NOT_PLAIN.sub("-", identity.upper()).strip("-")[:24] or "CAMERA"
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{stripped}_{digest[:_HASH_DIGITS]}"
