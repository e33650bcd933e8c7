"""Measuring a device's clock before anything is set (spec: Clock).

Four time stamps an exchange, as in NTP (RFC 5905, section 8): the exchange with the shortest round trip bounds
the offset by half of its round trip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from bwc_protocol.messages.clock import ClockExchange, ClockReason, TimeSource
from bwc_sdk.errors import ClockImplausible, ProtocolViolation

ROUNDS_MAX: Final = 64
ROUTINE_STEP_S: Final = 300.0
"""A camera that drifted by more since its last docking has a fault, or the host has."""
CORRECTION_STEP_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured; all in ns."""

    offset_ns: int
    """What must be added to the device's time to get the host's."""
    uncertainty_ns: int
    """Half of the shortest round trip: the offset is right within this."""
    round_trip_ns: int
    revision: int
    """Revision of the device's clock while it was measured."""
    rounds: int


class _Exchanger(Protocol):
    async def exchange(self, *, host_sent_ns: int) -> ClockExchange: ...


async def measure(clock: _Exchanger, utc_ns: Callable[[], int], rounds: int) -> Measurement:
    """Measures by `rounds` exchanges. Raises `ProtocolViolation` for stamps that cannot be."""
    best: Measurement | None = None
    for _ in range(max(1, min(rounds, ROUNDS_MAX))):
        sent = utc_ns()
        reply = await clock.exchange(host_sent_ns=sent)
        came = utc_ns()
        if reply.host_sent_ns != sent or reply.device_sent_ns < reply.device_received_ns:
            raise ProtocolViolation("a time exchange with impossible stamps")
        round_trip = (came - sent) - (reply.device_sent_ns - reply.device_received_ns)
        offset = -((reply.device_received_ns - sent) + (reply.device_sent_ns - came)) // 2
        one = Measurement(offset, abs(round_trip) // 2 + 1, round_trip, reply.revision, rounds)
        if best is not None and best.revision != one.revision:
            best = None  # set by somebody in between: what was measured before is of another clock
        if best is None or one.round_trip_ns < best.round_trip_ns:
            best = one
    assert best is not None
    return best


def check_step(measured: Measurement, reason: ClockReason, source: TimeSource, *, device: str = "") -> None:
    """Raises `ClockImplausible` when the clock must not be set by what was measured."""
    if source is TimeSource.UNSYNCHRONISED and reason is not ClockReason.BENCH:
        raise ClockImplausible(
            "the host does not know its time to be right",
            device=device,
            advice="name the source of the host's time, such as ntp",
        )
    limit = {ClockReason.ROUTINE: ROUTINE_STEP_S, ClockReason.CORRECTION: CORRECTION_STEP_S}.get(reason)
    step = abs(measured.offset_ns) / 1e9
    if limit is not None and step > limit:
        raise ClockImplausible(
            f"a step of {step:.1f} s is beyond the {limit:g} s that the reason {reason} allows",
            device=device,
            advice="find out which of the two clocks is wrong first",
        )
