"""Enrolment and renewal for blocking programs: the same events and outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bwc_sdk import enrolment
from bwc_sdk.enrolment import Authority, EnrolmentEvent, RenewalOutcome, Vendor
from bwc_sdk.enrolment.enrolling import WAIT_S
from bwc_sdk.enrolment.renewing import WITHIN_DAYS
from bwc_sdk.evidence.decrypt import RecipientKey
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.sync.generated import SyncCamera, SyncDockingStation
from bwc_sdk.sync.loop import BlockingIterator, loop_thread
from bwc_sdk.transport import Transport


def enroll(
    device: str | Callable[[], Transport],
    authority: Authority,
    *,
    vendor: Vendor,
    identity: HostIdentity | IdentitySet | Path | None = None,
    lab: bool = False,
    bench: bool = False,
    wait_s: float = WAIT_S,
    proving: Sequence[RecipientKey] = (),
    world: World | None = None,
    timeout: float | None = None,
) -> BlockingIterator[EnrolmentEvent]:
    """Makes a device the agency's, or a docking station and what stands in its bays; see `bwc_sdk.enrolment.enroll`.

    `close()` ends it, as does abandoning it. With `timeout`, `next()` raises `CallTimeout` when nothing was told for so
    many seconds, and may be called again.
    """
    events = enrolment.enroll(
        device,
        authority,
        vendor=vendor,
        identity=identity,
        lab=lab,
        bench=bench,
        wait_s=wait_s,
        proving=proving,
        world=world,
    )
    return BlockingIterator(loop_thread(), events, timeout)


def renew(
    device: SyncCamera | SyncDockingStation,
    authority: Authority,
    *,
    within_days: int = WITHIN_DAYS,
    timeout: float | None = None,
) -> RenewalOutcome:
    """Renews the certificate of a connected device, if it is due; see `bwc_sdk.enrolment.renew`.

    With `timeout`, seconds, a call that takes longer is cancelled and raises `CallTimeout`; it may have taken effect.
    """
    return loop_thread().run(enrolment.renew(device._twin, authority, within_days=within_days), timeout)
