"""What tells this host from others: never shown itself, only hashed with something else.

Linux has an id that its installation drew. Elsewhere the name of the host and its network address have to do; where
they change, a new custody chain is begun, and nothing else follows from it.
"""

import socket
import uuid
from functools import cache
from pathlib import Path
from typing import Final

MACHINE_IDS: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_DIGITS: Final = 32


@cache
def host_id() -> bytes:
    """The same for every process of this host."""
    for path in MACHINE_IDS:
        try:
            with path.open("rb") as file:
                found = file.read(_DIGITS + 1).strip()
        except OSError:
            continue
        if len(found) == _DIGITS:
            return found
    return f"{socket.gethostname()}/{uuid.getnode():x}".encode()
