"""What a dock does with a camera beside its footage, in the one session that the offload has anyway.

    policy = OffloadPolicy(deliver_from=outbox, after=(SetClock(), Check()))

The order is: the clock is measured, for the custody records; steps of `before`; the footage; receipts, erasing; the
desired state; steps of `after`. A clock is set after the footage, so that the measurement which its recordings need is
of the clock that they were made by.

Nothing of it keeps or loses footage: a step that fails, or does not end, is told (`StepFailed`), and everything else
goes on. No camera is called back for a step, nor waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_protocol.messages.identity import CameraState
from bwc_protocol.messages.station import BayVerdict
from bwc_sdk.errors import BwcError, ClockImplausible
from bwc_sdk.fitness.limits import Limits
from bwc_sdk.fitness.verdict import Check as Fit
from bwc_sdk.host.time_claim import A_PERSON
from bwc_sdk.offload.bay_verdict import of_check, worse

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

IN_A_DOCK: Final = Limits(assigned=False)
"""A pool's camera is nobody's while it stands there."""
RECORDS: Final = (CameraState.RECORDING, CameraState.POST_EVENT)
TOLD: Final = (Fit.BATTERY, Fit.CLOCK)
"""Checks of which a good camera's line says how good."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a step did, or found."""

    detail: str
    """For a line of text."""
    good: bool = True
    """False: whoever takes the camera should know."""
    verdict: BayVerdict = BayVerdict.NONE
    """What the light of its bay is to say because of it, if nothing worse is found; NONE: nothing of its own. A camera
    is said to be good (TAKE_ME) by one that checked it."""


class DockStep(Protocol):
    """Something that is done with each camera that comes."""

    @property
    def name(self) -> str:
        """What events call it."""

    async def do(self, camera: Camera) -> Found:
        """Does it, over the connection of the offload, which it must not close. What it raises is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetClock:
    """Measures the clock, sets it within the limits of routine, or of a clock that is not set, and measures it again.

    `source` and `host_uncertainty_ns` are as in `Clock.sync`: without them the host itself has to know its time.
    """

    source: TimeSource | None = None
    host_uncertainty_ns: int | None = None

    @property
    def name(self) -> str:
        return "clock"

    async def do(self, camera: Camera) -> Found:
        unset = (await camera.clock.read()).state is ClockState.UNSET
        reason = ClockReason.FIRST_SET if unset else ClockReason.ROUTINE
        try:
            done = await camera.clock.sync(
                reason=reason, source=self.source, host_uncertainty_ns=self.host_uncertainty_ns
            )
        except ClockImplausible as error:
            error.advice = error.advice.removesuffix(f"; or {A_PERSON}")  # who does not stand beside a dock
            raise
        moved_ms, within_ms = done.before.offset_ns / 1e6, done.uncertainty_ns / 1e6
        moved = "it was not set; set" if unset else f"set by {moved_ms:+.1f} ms,"
        return Found(f"{moved} within {within_ms:.1f} ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Whether a camera is fit to be taken, by the judgement of `bwc check` (`bwc_sdk.fitness`).

    One that records is not; that nobody is assigned is no reason while it stands in a dock. It tests itself only where
    `self_test` asks for it, which takes seconds and writes to its storage.
    """

    limits: Limits = IN_A_DOCK
    self_test: bool = False

    @property
    def name(self) -> str:
        return "check"

    async def do(self, camera: Camera) -> Found:
        from bwc_sdk.fitness import ask, judge

        facts = await ask(camera, self_test=self.self_test)
        verdict = judge(facts, self.limits)
        wrong, light = [f"{one.check}: {one.detail}" for one in verdict.reasons], of_check(facts, verdict)
        wrong_state = any(one.check is Fit.STATE for one in verdict.reasons)
        if not isinstance(facts.status, BwcError) and facts.status.state in RECORDS and not wrong_state:
            wrong.append("it records")
            light = worse(light, BayVerdict.NEEDS_ATTENTION)
        if wrong:
            return Found("; ".join(wrong), good=False, verdict=light)
        told = "; ".join(f"{one.check}: {one.detail}" for one in verdict.findings if one.check in TOLD)
        return Found(told, verdict=light)
