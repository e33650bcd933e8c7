"""What this host knows of its own time: what its kernel says, and the service that keeps its clock.

Asking changes nothing and needs no rights. A host that cannot say is `None`, never "yes": macOS and Windows keep
time, too, and tell nobody how well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from bwc_sdk.host.kernel_time import KernelTime, kernel_time
from bwc_sdk.host.time_service import ServiceTime, service_time

ASKED_AGAIN_S: Final = 60.0
"""How long the word of a time service counts, which costs a process; the kernel is asked each time."""
DRIFT_PPM: Final = 100
"""What a clock may gain or lose meanwhile, if the service has just ended."""
NOT_TOLD_NS: Final = 100_000_000
"""What is added where the service that keeps the clock tells the kernel nothing of its own error: systemd-timesyncd
leaves the way to its server out, and most are nearer than a fifth of a second there and back."""

START_A_SERVICE: Final = "start a time service (chrony, systemd-timesyncd) and wait until it has an answer"


@dataclass(frozen=True, slots=True)
class HostTime:
    """What is known of the host's clock."""

    synchronised: bool | None
    """None: this system does not say."""
    max_error_ns: int
    """Bound of the clock's error, 0 if it is not known."""
    said_by: str = ""
    """Who says so: `kernel`, `chrony`, `timesyncd`; "" if nobody does."""
    detail: str = ""
    """What else was said, such as the server, or why it is not synchronised."""

    def plain(self) -> dict[str, bool | int | str | None]:
        """For a document: what is not known is null."""
        return {
            "synchronised": self.synchronised,
            "max_error_ns": self.max_error_ns or None,
            "said_by": self.said_by or None,
        }

    def __str__(self) -> str:
        if self.synchronised is None:
            return "this system does not say whether its clock is right"
        by = f", says {self.said_by}" if self.said_by else ""
        more = f" ({self.detail})" if self.detail else ""
        if not self.synchronised:
            return f"not synchronised{by}{more}"
        within = (
            f" within {self.max_error_ns / 1e6:.1f} ms" if self.max_error_ns else ", how well is not known"
        )
        return f"synchronised{within}{by}{more}"


NOT_KNOWN: Final = HostTime(None, 0)


def agreed(kernel: KernelTime, service: ServiceTime | None) -> HostTime:
    """What the two say together: whoever denies is believed, since both can be wrong only in saying yes.

    A kernel goes on saying "synchronised" for hours after the last server fell silent; a service may follow its
    servers, and steer another clock or none.
    """
    if kernel.synchronised is False:
        detail = ""
        if service is not None and service.synchronised:
            detail = f"{service.name} is, and does not tell the kernel"
        return HostTime(False, 0, "kernel", detail)
    if service is not None:
        if not service.synchronised:
            return HostTime(False, 0, service.name, service.detail)
        if service.max_error_ns is None:
            return HostTime(True, 0, service.name, service.detail)
        if service.needs_kernel and kernel.synchronised is None:
            return HostTime(True, 0, service.name, service.detail)
        bound = service.max_error_ns + (kernel.max_error_ns if service.needs_kernel else 0)
        return HostTime(True, max(1, bound), service.name, service.detail)
    if kernel.synchronised is None:
        return NOT_KNOWN
    left_out = NOT_TOLD_NS if kernel.estimated_error_ns == 0 else 0
    return HostTime(True, max(1, kernel.max_error_ns + left_out), "kernel")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the service said, when, and what the kernel said then."""

    service: ServiceTime | None
    at_s: float
    kernel: bool | None


class HostTimes:
    """Asks kernel and service; remembers the service's word for a while.

    For any thread, and without a lock that a fork could leave locked: two that ask at once both ask the service.
    """

    def __init__(
        self,
        kernel: Callable[[], KernelTime] = kernel_time,
        service: Callable[[], ServiceTime | None] = service_time,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kernel = kernel
        self._service = service
        self._now = now
        self._answer: _Answer | None = None

    def __call__(self) -> HostTime:
        kernel, now, answer = self._kernel(), self._now(), self._answer
        if answer is None or now - answer.at_s > ASKED_AGAIN_S or kernel.synchronised is not answer.kernel:
            self._answer = answer = _Answer(self._service(), now, kernel.synchronised)
        found = agreed(kernel, answer.service)
        if answer.service is None or answer.service.needs_kernel or not found.max_error_ns:
            return found
        grown_ns = round((now - answer.at_s) * 1e9 * DRIFT_PPM / 1e6)
        return replace(found, max_error_ns=found.max_error_ns + grown_ns)


host_time: Final = HostTimes()
"""What is known of the clock of the machine that this program runs on."""
