"""Brings the device into the state that a test is marked with, by `bench.…`, and back (spec: Bench)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import Capability
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError
from hil_tests.states.irreversible import demand_leave
from hil_tests.states.marks import NOTHING, WANTED, WantedState
from hil_tests.states.needs import demand
from hil_tests.testkit.abilities import MADE_MS
from hil_tests.verdicts import not_tested

if TYPE_CHECKING:
    import pytest

    from bwc_sdk.sync import SyncCamera
    from hil_tests.device.bench import Bench
    from hil_tests.run.under_test import UnderTest

BACK_WITHIN_NS: Final = 1_000_000_000
"""How far a clock may be off that was moved back: what it drifts meanwhile, and two measurements over a slow line."""

NOT_SO: Final = frozenset({ErrorCode.FULL, ErrorCode.WRONG_STATE, ErrorCode.OUT_OF_RANGE})
"""What a device refuses that has no room, no time, or something to do."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made of the device for a test."""

    state: WantedState | None = None
    revision: int = 0
    """Of the clock, once it was in that state."""
    offset_ns: int = 0
    """Of the clock before."""

    def give_back(self, bench: Bench) -> None:
        """The state ends: charge, clock and room are the device's own. Asserts that it is so."""
        if self.state is None or not self.state.changes:
            return
        with bench.connect(Role.BENCH) as camera:
            untouched = camera.clock.read().revision == self.revision
            state = camera.bench.restore()
            assert (state.charge_pct, state.taken_bytes, state.clock_moved_ns) == (None, 0, 0), (
                f"the device keeps what a bench set: {state}"
            )
            if untouched:  # a test that set the clock itself has it put back as by any other
                off_ns = camera.clock.measure().offset_ns - self.offset_ns
                assert abs(off_ns) < BACK_WITHIN_NS, f"the clock is {off_ns} ns off after it was moved back"
                bench.accept_clock(state.clock_revision)


def prepare(request: pytest.FixtureRequest, device: UnderTest, bench: Bench) -> Prepared:
    """What a test is marked with: skips where bench or device cannot have it so, and brings about the state."""
    wanted = request.node.stash.get(WANTED, NOTHING)
    if wanted.irreversible:
        demand_leave(device, bench, wanted.irreversible)
    if wanted.needs:
        demand(device, bench, wanted.needs, attended=request.config.getoption("--bwc-attended"))
    return _realised(wanted.state, bench) if wanted.state is not None else Prepared()


def _realised(state: WantedState, bench: Bench) -> Prepared:
    """Skips where the device cannot be brought into the state, and need be."""
    role = bench.role(reads_only=False)
    with bench.connect(role) as camera:
        missing = max(0, state.recordings - _recordings(camera)) if state.recordings else 0
        if not (missing or state.changes):
            return Prepared(state)
        why = _why_not(camera, bench)
        if why:
            not_tested(f"the test begins with {state}, and {why}")
        offset_ns = camera.clock.measure().offset_ns
        try:
            _bring_about(camera, state, missing)
        except BaseException as error:
            camera.bench.restore()
            if isinstance(error, CommandError) and error.code in NOT_SO:
                not_tested(f"the test begins with {state}, and the device cannot have it so: {error}")
            raise
        revision = camera.clock.read().revision
        bench.accept_clock(revision)
    return Prepared(state, revision, offset_ns)


def _recordings(camera: SyncCamera) -> int:
    return camera.recordings.page(limit=1).total


def _why_not(camera: SyncCamera, bench: Bench) -> str:
    if not bench.may_change:
        return bench.why_not_changed
    if Capability.BENCH not in camera.device.capabilities().capabilities:
        return "the device lets no bench set its state (capability bench)"
    return ""


def _bring_about(camera: SyncCamera, state: WantedState, missing: int) -> None:
    """Recordings first: they need room, and bear the time at which they are made."""
    last = camera.bench.state().last_sequence
    for _ in range(missing):
        last = camera.bench.record(after=last, duration_ms=MADE_MS).sequence
    if state.battery_pct is not None:
        camera.bench.charge(charge_pct=state.battery_pct)
    if state.storage_full is not None:
        capacity = camera.storage.status().capacity_bytes
        camera.bench.fill(free_bytes=int(capacity * (1 - state.storage_full)))
    if state.clock_skew_s:
        revision = camera.bench.state().clock_revision
        camera.bench.clock(offset_ns=round(state.clock_skew_s * 1e9), revision=revision)
