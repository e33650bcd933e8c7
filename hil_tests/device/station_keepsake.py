"""What a test may change on a docking station, kept beforehand and put back afterwards: its clock, and its bays."""

from __future__ import annotations

from dataclasses import dataclass

from bwc_protocol.messages.station import BayState, BayStatus, BayVerdict
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.sync import SyncDockingStation
from hil_tests.device.keepsake import assert_restored, restore_clock
from hil_tests.verdicts import require_healthy


@dataclass(frozen=True, slots=True)
class StationKeepsake:
    """A station as it was found. Dockings are counted, and what stands in a bay is no matter of a connection's."""

    bays: tuple[BayStatus, ...]
    clock: Measurement

    @staticmethod
    def take(station: SyncDockingStation) -> StationKeepsake:
        """Reads what may be changed."""
        return StationKeepsake(tuple(station.bays.list()), station.clock.measure())

    def changed(self, station: SyncDockingStation) -> tuple[str, ...]:
        """What was changed since, in words."""
        switched = tuple(
            f"switches, lock or light of bay {bay.bay}"
            for bay, was in self._pairs(station)
            if _differs(bay, was)
        )
        set_since = station.clock.read().revision != self.clock.revision
        return (*switched, *(("clock",) if set_since else ()))

    def restore(self, station: SyncDockingStation) -> StationKeepsake:
        """Puts back what differs, and asserts that it reads as before. Gives the keepsake for the next test."""
        for bay, was in self._pairs(station):
            if bay.state is BayState.QUARANTINE and was.state is not BayState.QUARANTINE:
                bay = station.bays.release(bay=bay.bay, incident=bay.incident)
            if bay.power != was.power:
                station.bays.power(bay=bay.bay, on=was.power)
            if bay.data != was.data:
                station.bays.data(bay=bay.bay, on=was.data)
            if bay.lock_s and not was.lock_s:
                station.bays.lock(bay=bay.bay, docking=bay.docking, seconds=0)
            if _said(bay) and not _said(was):
                station.bays.verdict(bay=bay.bay, docking=bay.docking, verdict=BayVerdict.NONE, seconds=0)
        restore_clock(station.clock, self.clock)
        now = StationKeepsake.take(station)
        for bay, was in zip(now.bays, self.bays, strict=True):
            require_healthy(not _differs(bay, was), f"bay {bay.bay} could not be restored")
        assert_restored(self.clock, now.clock)
        return now

    def _pairs(self, station: SyncDockingStation) -> list[tuple[BayStatus, BayStatus]]:
        return list(zip(station.bays.list(), self.bays, strict=True))


def _differs(bay: BayStatus, was: BayStatus) -> bool:
    quarantined = bay.state is BayState.QUARANTINE and was.state is not BayState.QUARANTINE
    left = (bay.lock_s and not was.lock_s) or (_said(bay) and not _said(was))
    return bool(quarantined or left or (bay.power, bay.data) != (was.power, was.data))


def _said(bay: BayStatus) -> bool:
    return bay.verdict is not BayVerdict.NONE
