"""Where a port of this machine's network listens, and how that is written: `127.0.0.1:7000`, `[::1]:7000`."""

import errno
import socket
import threading
from typing import Any, Final

RESOLVE_S: Final = 8.0
"""Where the first of two name servers is down, the second is asked after 5 s."""
PORT_DIGITS: Final = 5
"""Of 65535; more are no port, and may be more than Python makes a number of."""


def place(text: str) -> tuple[str, int] | None:
    """Host and port that `HOST:PORT` or `[IPV6]:PORT` names; None for anything else."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not (port.isascii() and port.isdecimal()) or len(port) > PORT_DIGITS or "/" in host:
        return None
    return (host, int(port)) if int(port) < 65_536 else None


def listen_at(host: str, port: int, backlog: int) -> socket.socket:
    """A socket that listens there, by IPv4 where a name has both. Raises `OSError`."""
    found = _found(host, port)
    families = {family for family, *_ in found}
    family = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    return socket.create_server((host, port), family=family, backlog=backlog)


def _found(host: str, port: int) -> list[Any]:
    """What the system knows of a host. Raises `OSError`, also when no name server answers in time.

    In a thread that nobody waits for longer, nor at the end of the process: a call of the system cannot be ended.
    """
    answer: list[list[Any]] = []
    errors: list[OSError] = []

    def ask() -> None:
        try:
            answer.append(
                list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
            )
        except OSError as error:
            errors.append(error)
        except UnicodeError as error:
            errors.append(OSError(errno.EINVAL, f"{host[:80]!r} is no name of a machine: {error}"))

    thread = threading.Thread(target=ask, name="sim-names", daemon=True)
    thread.start()
    thread.join(RESOLVE_S)
    if errors:
        raise errors[0]
    if not answer:
        raise OSError(errno.ETIMEDOUT, f"no name server answers within {RESOLVE_S:g} s where {host} is")
    return answer[0]


def written(sock: socket.socket) -> str:
    """Where a socket listens, as a URI has it."""
    host, port = sock.getsockname()[:2]
    return written_place(host, port)


def written_place(host: str, port: int) -> str:
    """Host and port, as a URI has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
