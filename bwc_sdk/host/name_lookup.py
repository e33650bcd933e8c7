"""Where a machine is whose name was given. A name server may take as long as it likes; nobody waits for it for ever."""

import asyncio
import ipaddress
import socket
from functools import partial
from typing import Final

from bwc_sdk.errors import PortNotFound
from bwc_sdk.host.unbounded_calls import UNBOUNDED_CALLS

RESOLVE_S: Final = 8.0
"""Where the first of two name servers is down, the second is asked after 5 s."""
ADVICE: Final = "is the name right, and this machine's network up? an address needs no name server"


async def addresses_of(host: str, port: int, *, device: str) -> list[str]:
    """The addresses of `host`, in the order in which the system would try them; an address is its own.

    Raises `PortNotFound`, naming `device`, when the name is none, or no name server answers in time.
    """
    if is_address(host):
        return [host]
    find = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().run_in_executor(UNBOUNDED_CALLS, find)
    except (socket.gaierror, TimeoutError, UnicodeError) as error:
        said = error.strerror if isinstance(error, socket.gaierror) else str(error)
        rule = f"the name {host} leads nowhere: {said}"
        if isinstance(error, TimeoutError):
            rule = f"no name server answers within {RESOLVE_S:g} s where {host} is"
        raise PortNotFound(rule, device=device, advice=ADVICE) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_address(host: str) -> bool:
    """Whether `host` needs no name server."""
    try:
        ipaddress.ip_address(host)
        return True
    except ValueError:
        return False
