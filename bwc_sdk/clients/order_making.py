"""Makes an order against a device: what it orders, by what the device is now (spec: Orders)."""

from __future__ import annotations

from dataclasses import dataclass

from bwc_protocol.documents.order import (
    ClockStep,
    Decommission,
    EndSeizure,
    Order,
    Sanitise,
    Terms,
    Transfer,
)
from bwc_protocol.evidence import EvidenceError
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_protocol.messages.trust import OrderNonce
from bwc_sdk.clients.connecting import AnyDevice
from bwc_sdk.errors import DocumentError, ProtocolViolation
from bwc_sdk.host.time_claim import claim_of

_MS_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Leaving:
    """A device leaves the agency (`to_agency`, which may be empty), or its service for ever (None)."""

    to_agency: str | None
    lose_held: bool = False
    lose_undelivered: bool = False
    """Whether recordings that are held, or have no receipt, may be lost: as many as there are now."""


@dataclass(frozen=True, slots=True)
class Sanitising:
    """All footage goes, and the device stays what it is; see `Leaving` for what may be lost."""

    lose_held: bool = False
    lose_undelivered: bool = False


@dataclass(frozen=True, slots=True)
class EndingSeizure:
    """The seizure of a camera ends, whatever the case."""


Wanted = Leaving | Sanitising | EndingSeizure


@dataclass(frozen=True, slots=True)
class Stepping:
    """A clock is moved to this host's time, however far that is; see `Clock.sync` for what the host has to know."""

    source: TimeSource | None = None
    host_uncertainty_ns: int | None = None


@dataclass(frozen=True, slots=True)
class MadeOrder:
    """An order that nobody has signed yet, and what its device said of itself."""

    order: Order
    recordings: int
    held: int


async def make_order(device: AnyDevice, wanted: Wanted | Stepping) -> MadeOrder:
    """Asks the device for a nonce and makes the order that names it. An order that was made before is void.

    Raises `DocumentError` when footage would be lost that was not given up, `ClockImplausible` when this host does not
    know its time to be right, `CommandError`.
    """
    terms: Terms
    match wanted:
        case Leaving():
            there = await device.trust.nonce()
            held, undelivered = _given_up(wanted, there, device.name)
            if wanted.to_agency is None:
                terms = Decommission(loses_held=held, loses_undelivered=undelivered)
            else:
                terms = Transfer(loses_held=held, loses_undelivered=undelivered, to_agency=wanted.to_agency)
        case Sanitising():
            there = await device.trust.nonce()
            held, undelivered = _given_up(wanted, there, device.name)
            terms = Sanitise(loses_held=held, loses_undelivered=undelivered)
        case EndingSeizure():
            case_of = (await device.device.status()).seized_for
            if not case_of:
                raise DocumentError("it is not seized: there is nothing to be ended", device=device.name)
            terms = EndSeizure(case=case_of)
            there = await device.trust.nonce()
        case Stepping():
            terms = await _stepping(device, wanted)
            there = await device.trust.nonce()
    certificate = device.peer.certificate
    try:
        order = Order(
            lab=certificate.lab if certificate is not None else "",
            device=device.identity,
            kind=device.peer.kind,
            nonce=there.nonce,
            chain_head_sha256=there.manifest_sha256,
            signed_utc_s=device.world.utc_ns() // 1_000_000_000,
            terms=terms,
        )
    except EvidenceError as error:  # such as a device without a name
        rule = f"no order can be made of what the device says: {error}"
        raise ProtocolViolation(rule, device=device.name) from error
    return MadeOrder(order, there.recordings, there.held)


def _given_up(wanted: Leaving | Sanitising, there: OrderNonce, device: str) -> tuple[int, int]:
    """How many recordings may be lost, held and without a receipt: as many as there are, if that is wanted."""
    for count, may, what, way in (
        (there.held, wanted.lose_held, "held", "lift the holds ('bwc recordings lift'), or --lose-held"),
        (
            there.undelivered,
            wanted.lose_undelivered,
            "without a receipt",
            "have its final destination sign receipts and deliver them, or --lose-undelivered",
        ),
    ):
        if count and not may:
            recordings = "1 recording" if count == 1 else f"{count} recordings"
            raise DocumentError(
                f"{recordings} {'is' if count == 1 else 'are'} {what}, and would be lost",
                device=device,
                advice=f"{way}; an order that may lose footage takes a signature under records",
            )
    return there.held, there.undelivered


async def _stepping(device: AnyDevice, wanted: Stepping) -> ClockStep:
    known = await device.world.workers.wait(device.world.host_time)
    claim = claim_of(
        known, wanted.source, wanted.host_uncertainty_ns, ClockReason.CORRECTION, device=device.name
    )
    measured = await device.clock.measure()
    if not measured.offset_ns:
        raise DocumentError("the clock is right: there is nothing to be ordered", device=device.name)
    return ClockStep(
        step_ns=measured.offset_ns,
        uncertainty_ms=-(-(measured.uncertainty_ns + claim.uncertainty_ns) // _MS_NS),
        revision=measured.revision,
    )
