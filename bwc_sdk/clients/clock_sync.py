"""Measuring a device's clock, setting it by what was measured, and measuring again (spec: Clock).

Four time stamps an exchange, as in NTP (RFC 5905, section 8): the exchange with the shortest round trip bounds
the offset by half of its round trip. The round trip is timed by a stopwatch, and a round in which the host's UTC
and the stopwatch disagree is discarded: somebody stepped or slewed the UTC, or the host was suspended.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import Final, Protocol

from bwc_protocol.declare import Unknown
from bwc_protocol.messages.clock import ClockExchange, ClockReason, ClockSet, TimeAssurance, TimeSource
from bwc_sdk.errors import BwcError, ClockImplausible, ClockNotVerified, ClockUnsteady, ProtocolViolation
from bwc_sdk.host.host_clock import AGREE_NS, NO_STAMP, RATE_PPM, HostClock, Stamp, moved_ns, steady
from bwc_sdk.host.time_claim import TimeClaim
from bwc_sdk.host.world import UTC_STEP_NS

ROUNDS_MAX: Final = 64
ROUTINE_STEP_S: Final = 300.0
"""A camera that drifted by more since its last docking has a fault, or the host has."""
CORRECTION_STEP_S: Final = 86_400.0
LINK_ERROR_MAX_NS: Final = 1_000_000_000
"""A line whose answers take more than two seconds carries no time that may stand on evidence."""
DEVICE_PPM: Final = 500
"""What a device's clock may gain or lose; real crystals are good to 100 ppm in frost and heat. One that does more is
broken."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured; all in ns."""

    offset_ns: int
    """What must be added to the device's time to get the host's."""
    uncertainty_ns: int
    """Bound of the offset's error: half of the shortest round trip, what the device's clock goes ahead by at once, and
    by how much the host's clocks disagreed."""
    round_trip_ns: int
    """The shortest, by the stopwatch, without what the device says that it took."""
    revision: int
    """Revision of the device's clock while it was measured."""
    rounds: int
    """Exchanges that count."""
    discarded: int = 0
    """Exchanges that do not: the host's or the device's clock was set during or since."""
    stamp: Stamp = NO_STAMP
    """The host's clocks at the end of it."""


@dataclass(frozen=True, slots=True)
class ClockSync:
    """What a set did, from measurement to measurement."""

    before: Measurement
    done: ClockSet
    after: Measurement
    """Measured again after the set; it fits."""
    word: TimeClaim
    """Source, bound and worth of the host's time, as the device has it on record."""
    uncertainty_ns: int
    """Bound of the error of the device's clock just after, as the device was told: of the measurement, of a step
    that is too small to be told from the reading of two clocks, and of the host's time."""


class ClockClient(Protocol):
    """What is asked of a device."""

    async def exchange(self, *, host_sent_ns: int) -> ClockExchange: ...

    async def set(
        self,
        *,
        offset_ns: int,
        uncertainty_ns: int,
        reason: ClockReason | Unknown,
        source: TimeSource | Unknown,
        revision: int,
        assurance: TimeAssurance | Unknown,
    ) -> ClockSet: ...


class _Exchanger(Protocol):
    async def exchange(self, *, host_sent_ns: int) -> ClockExchange: ...


@dataclass(frozen=True, slots=True)
class _Round:
    """One exchange: the host's clocks before and after, and what the device said."""

    sent: Stamp
    came: Stamp
    reply: ClockExchange

    @property
    def away_ns(self) -> int:
        """How long it took, by the stopwatch."""
        return self.came.after_ns - self.sent.before_ns

    @property
    def held_ns(self) -> int:
        """How long the device had it, by its own clock."""
        return self.reply.device_sent_ns - self.reply.device_received_ns

    @property
    def round_trip_ns(self) -> int:
        return max(0, self.away_ns - self.held_ns)

    @property
    def offset_ns(self) -> int:
        there_ns = self.reply.device_received_ns - self.sent.utc_ns
        back_ns = self.reply.device_sent_ns - self.came.utc_ns
        return -(there_ns + back_ns) // 2

    @property
    def error_ns(self) -> int:
        """Bound of the offset's error, by a device whose clock is read to the nanosecond."""
        drifted_ns = self.held_ns * DEVICE_PPM // 1_000_000
        return self.round_trip_ns // 2 + abs(moved_ns(self.sent, self.came)) + drifted_ns + UTC_STEP_NS


async def measure(clock: _Exchanger, host: HostClock, rounds: int, *, device: str = "") -> Measurement:
    """Measures by `rounds` exchanges; one that is discarded is made again, up to as many more.

    Raises `ClockUnsteady` when fewer than half remain, or when they contradict each other, and
    `ProtocolViolation` for stamps that cannot be.
    """
    wanted = max(1, min(rounds, ROUNDS_MAX))
    kept: list[_Round] = []
    discarded = 0
    for _ in range(2 * wanted):
        one = await _exchange(clock, host, device)
        if not steady(one.sent, one.came):
            discarded += 1 + len(kept)  # what came before it was measured by a UTC that is no more
            kept.clear()
            continue
        if kept and (kept[0].reply.revision != one.reply.revision or not steady(kept[0].sent, one.came)):
            discarded += len(kept)  # of a clock, here or there, that was set since
            kept.clear()
        kept.append(one)
        if len(kept) == wanted:
            break
    if 2 * len(kept) < wanted:
        raise ClockUnsteady(
            f"{discarded} of {discarded + len(kept)} exchanges measure nothing: this host's clock, or the device's, "
            "was set while they passed",
            device=device,
            advice="see what sets it ('bwc doctor' tells what keeps this host's clock), then measure again",
            discarded=discarded,
        )
    best, last = min(kept, key=lambda one: one.error_ns), kept[-1].came
    grain_ns = _grain_ns(kept)
    _check_device(kept, best, grain_ns, discarded, device)
    return Measurement(
        offset_ns=best.offset_ns,
        uncertainty_ns=best.error_ns + grain_ns + abs(moved_ns(best.came, last)),
        round_trip_ns=best.round_trip_ns,
        revision=best.reply.revision,
        rounds=len(kept),
        discarded=discarded,
        stamp=last,
    )


async def _exchange(clock: _Exchanger, host: HostClock, device: str) -> _Round:
    sent = host.stamp()
    reply = await clock.exchange(host_sent_ns=sent.utc_ns)
    one = _Round(sent, host.stamp(), reply)
    if reply.host_sent_ns != sent.utc_ns or one.held_ns < 0:
        raise ProtocolViolation("a time exchange with impossible stamps", device=device)
    return one


def _grain_ns(kept: list[_Round]) -> int:
    """By how much the device's clock goes ahead at once: whatever all its stamps are apart by a multiple of.

    Many firmwares count milliseconds. A clock that is read to the nanosecond comes out as 1.
    """
    stamps = [stamp for one in kept for stamp in (one.reply.device_received_ns, one.reply.device_sent_ns)]
    return math.gcd(*(stamp - stamps[0] for stamp in stamps))


def _check_device(kept: list[_Round], best: _Round, grain_ns: int, discarded: int, device: str) -> None:
    for one in kept:
        if one.held_ns > one.away_ns + AGREE_NS + grain_ns + one.away_ns * DEVICE_PPM // 1_000_000:
            raise ProtocolViolation(
                "a time exchange that took longer there than there and back", device=device
            )
        apart_ns = abs(one.offset_ns - best.offset_ns)
        if apart_ns > one.error_ns + best.error_ns + AGREE_NS + grain_ns + _drift_ns(best.sent, one.came):
            raise ClockUnsteady(
                f"exchanges contradict each other by {apart_ns / 1e6:.3f} ms: the device's clock runs off, jumps, or "
                "stands still",
                device=device,
                advice="have the device examined: what it recorded bears the time of this clock",
                discarded=discarded,
            )


def _drift_ns(first: Stamp, then: Stamp) -> int:
    """What two sound clocks may drift apart between two stamps."""
    return abs(then.after_ns - first.before_ns) * (DEVICE_PPM + RATE_PPM) // 1_000_000


def check_step(measured: Measurement, reason: ClockReason, *, device: str = "") -> None:
    """Raises `ClockImplausible` when the clock must not be set by what was measured."""
    limit = {ClockReason.ROUTINE: ROUTINE_STEP_S, ClockReason.CORRECTION: CORRECTION_STEP_S}.get(reason)
    step = abs(measured.offset_ns) / 1e9
    if limit is not None and step > limit:
        wider = "correction" if reason is ClockReason.ROUTINE else "bench --role bench"
        raise ClockImplausible(
            f"a step of {step:.1f} s is beyond the {limit:g} s that the reason {reason} allows",
            device=device,
            advice=f"find out which of the two clocks is wrong; if it is the device's, --reason {wider} allows more: "
            f"{shlex.join(['bwc', 'clock', 'sync', *(('--device', device) if device else ())])} --reason {wider}",
        )
    if measured.uncertainty_ns > LINK_ERROR_MAX_NS:
        raise ClockImplausible(
            f"the offset is known to {measured.uncertainty_ns / 1e9:.1f} s only, and a clock is set to "
            f"{LINK_ERROR_MAX_NS / 1e9:g} s or better",
            device=device,
            advice="answers take too long over this line: set the clock over a better one, or while it is idle",
        )


async def synchronise(
    clock: ClockClient,
    host: HostClock,
    word: TimeClaim,
    reason: ClockReason,
    rounds: int,
    *,
    device: str = "",
) -> ClockSync:
    """Measures, checks, sets, and measures again.

    Raises `ClockImplausible` or `ClockUnsteady` where nothing was set, and `ClockNotVerified` where the clock was set
    and does not read as it should.
    """
    before = await measure(clock, host, rounds, device=device)
    check_step(before, reason, device=device)
    if not steady(before.stamp, host.stamp()):
        raise ClockUnsteady(
            "this host's clock was set since the device's was measured; nothing was set",
            device=device,
            advice="see what sets it, then run the command again",
        )
    uncertainty_ns = before.uncertainty_ns + AGREE_NS + word.uncertainty_ns
    done = await clock.set(
        offset_ns=before.offset_ns,
        uncertainty_ns=uncertainty_ns,
        reason=reason,
        source=word.source,
        revision=before.revision,
        assurance=word.assurance,
    )
    try:
        after = await measure(clock, host, rounds, device=device)
    except BwcError as error:
        raise ClockNotVerified(
            f"it could not be measured again ({error.rule})", done, device=device
        ) from error
    doubt = _doubt(before, done, after)
    if doubt:
        raise ClockNotVerified(doubt, done, after.offset_ns, device=device)
    return ClockSync(before, done, after, word, uncertainty_ns)


def _doubt(before: Measurement, done: ClockSet, after: Measurement) -> str:
    """What speaks against a set; "" if nothing does."""
    if not steady(before.stamp, after.stamp):
        by = moved_ns(before.stamp, after.stamp) / 1e9
        return f"this host's clock was itself set meanwhile, by {by:+.6f} s"
    if after.revision != done.revision or done.revision == before.revision:
        return "somebody else set it at the same time, or it was not set at all"
    fits_ns = before.uncertainty_ns + after.uncertainty_ns + _drift_ns(before.stamp, after.stamp) + AGREE_NS
    if abs(after.offset_ns) > fits_ns:
        return f"it is {abs(after.offset_ns) / 1e6:.3f} ms off, where {fits_ns / 1e6:.3f} ms would fit"
    return ""
