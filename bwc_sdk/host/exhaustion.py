"""What a host can run out of, by the system's error number: never reported as the fault of what was being done."""

import errno
import os
from typing import Final

from bwc_sdk.errors import HostExhausted

NO_THREAD: Final = "can't start new thread"
"""All that Python says of it."""

_LACKS: Final = {
    errno.EMFILE: (
        "this process has no file descriptor left",
        "raise the limit for it (ulimit -n, LimitNOFILE= of a systemd unit), or open fewer devices at once",
    ),
    errno.ENFILE: (
        "this host has no file descriptor left",
        "raise its limit (sysctl fs.file-max), or end what holds so many open",
    ),
    errno.ENOMEM: (
        "this host has no memory left",
        "free memory on it, or raise the limit of this process (ulimit -v, MemoryMax= of a systemd unit)",
    ),
    errno.ENOBUFS: (
        "this host has no memory left for its network",
        "end connections on it, or raise its limit (sysctl net.core.wmem_max, net.ipv4.tcp_mem)",
    ),
}
_THREADS: Final = (
    "no thread can be started for this process",
    "raise the limit of its user (ulimit -u) or of its group (TasksMax= of a systemd unit, pids.max of a container)",
)


def exhausted(error: BaseException, device: str = "") -> HostExhausted | None:
    """What `error` says that there is no more of, or None if it says something else."""
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError):
        number = errno.ENOMEM
    lack = _LACKS.get(number) if isinstance(number, int) else None
    if isinstance(error, RuntimeError) and NO_THREAD in str(error):
        lack = _THREADS
    if lack is None:
        return None
    return HostExhausted(lack[0], device=device, advice=lack[1])


def lack_of(error: BaseException, device: str = "") -> HostExhausted:
    """The same of an error that can hardly mean anything else."""
    return exhausted(error, device) or HostExhausted(str(error) or type(error).__name__, device=device)


def without_descriptors(device: str = "") -> HostExhausted | None:
    """Whether this process can open nothing more.

    For what takes a file that cannot be opened for one that is not there, as the import of a module does.
    """
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return exhausted(error, device)
    return None
