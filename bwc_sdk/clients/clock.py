"""The device's clock (spec: Clock)."""

from __future__ import annotations

from dataclasses import replace

from bwc_protocol.declare import sends
from bwc_protocol.messages import clock
from bwc_protocol.messages.clock import ClockReason, ExchangeTime, SetClock, TimeAssurance, TimeSource
from bwc_protocol.versions import NEWEST, Version
from bwc_sdk.clients.clock_sync import ClockSync, Measurement, measure, synchronise
from bwc_sdk.connection.connection import Connection
from bwc_sdk.host.host_clock import HostClock
from bwc_sdk.host.time_claim import claim_of
from bwc_sdk.host.world import World


class Clock(clock.Clock):
    """The device's clock: measured by exchanges, set only within limits."""

    def __init__(self, connection: Connection, world: World) -> None:
        super().__init__(connection)
        self._world = world

    @sends(ExchangeTime)
    async def measure(self, rounds: int = 8) -> Measurement:
        """Measures offset and uncertainty by `rounds` exchanges (1 to 64); changes nothing.

        The offset is what must be added to the device's time to get the host's, in ns. Exchanges during which the
        host's UTC was stepped or slewed are discarded and made again. Raises `ClockUnsteady` if too few remain.
        """
        return await measure(self, HostClock.of(self._world), rounds, device=self._name())

    @sends(ExchangeTime, SetClock)
    async def sync(
        self,
        *,
        reason: ClockReason = ClockReason.ROUTINE,
        source: TimeSource | None = None,
        host_uncertainty_ns: int | None = None,
        rounds: int = 8,
    ) -> ClockSync:
        """Measures, checks the step against the limits of `reason`, sets the clock, and measures again.

        `source` is where the host has its time from; without it the host itself has to know, unless the reason is
        BENCH. `host_uncertainty_ns` is how far the host's time may be off: PTP and GNSS need it, NTP where the host
        does not know, and a person (OPERATOR) is good for 5 s. Raises `ClockImplausible` or `ClockUnsteady`: nothing
        was set; `ClockNotVerified`: it was, and does not read as it should.
        """
        known = await self._world.workers.wait(self._world.host_time)
        word = claim_of(known, source, host_uncertainty_ns, reason, device=self._name())
        if SetClock.codec.fields["assurance"].since > self._spoken():
            word = replace(word, assurance=TimeAssurance.NOT_STATED)  # it keeps none, and says so of itself
        host = HostClock.of(self._world)
        return await synchronise(self, host, word, reason, rounds, device=self._name())

    def _spoken(self) -> Version:
        peer = self._caller.peer if isinstance(self._caller, Connection) else None
        return NEWEST if peer is None else peer.version

    def _name(self) -> str:
        return self._caller.name if isinstance(self._caller, Connection) else ""
