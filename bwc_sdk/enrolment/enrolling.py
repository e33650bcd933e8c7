"""Enrolment of a camera, or of a docking station and then of its bays (spec: Enrolment)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.chain import verify_chain
from bwc_protocol.certificates.checks import PeerRefused
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.documents.installation import RECIPIENTS_MAX, Installation
from bwc_protocol.evidence.sealing import public_key_of, recipient_id
from bwc_protocol.messages.trust import ReadTrust, RequestCertificate
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.clients.trust import Trust
from bwc_sdk.connection.access import Access
from bwc_sdk.connection.connection import Connection
from bwc_sdk.connection.establish import connect_channel, open_channel
from bwc_sdk.enrolment.authority import (
    AgencyParts,
    Authority,
    RequestWaits,
    check_certified,
    requested_key,
    root_above,
)
from bwc_sdk.enrolment.events import (
    AlreadyEnrolled,
    ButtonWanted,
    Enrolled,
    EnrolmentEvent,
    EnrolmentFailed,
    RequestWritten,
)
from bwc_sdk.enrolment.opening import EnrolmentAccess, secure_access
from bwc_sdk.enrolment.vendor import Vendor
from bwc_sdk.errors import (
    BwcError,
    CommandError,
    DeviceBusy,
    DeviceLost,
    IdentityError,
    LinkError,
    NotEnrolled,
    ProtocolViolation,
    SessionRefused,
    WrongDevice,
)
from bwc_sdk.host.world import World
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.identity.lookup import find_identity, identity_for
from bwc_sdk.transport import Transport
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri

if TYPE_CHECKING:
    from bwc_sdk.connection.link_driver import LinkDriver
    from bwc_sdk.evidence.decrypt import RecipientKey

log = logging.getLogger(__name__)

WAIT_S: Final = 120.0
"""How long a button is waited for: as long as the device stays open after it (spec: Enrolment)."""
LOOK_S: Final = 1.0
"""Between two looks whether the button was pressed."""
BACK_S: Final = 10.0
"""How long a device that was enrolled may take until it answers by its new certificate."""
DEVICE: Final = "device"
"""The slot of one that has not said yet whether it is a camera or a docking station."""
_WORDS: Final = {PeerKind.CAMERA: "camera", PeerKind.STATION: "station"}
STATION: Final = _WORDS[PeerKind.STATION]

Opened = tuple[Connection, PeerKind]


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a device is, and how a channel to it is opened."""

    name: str
    open: Callable[[Access], Awaitable[Opened]]


async def enroll(
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
) -> AsyncIterator[EnrolmentEvent]:
    """Makes the device at a URI the agency's; a docking station first itself, and then what stands in its bays.

    Each one's own button has to be pressed, and is waited for (`ButtonWanted`) up to `wait_s`. `identity` (or the
    lab's, with `lab`) has to hold a technician of the same agency. A device is taken if its certificate is of one of
    the `vendor`'s factories and its serial number is listed; with `bench` it takes the role BENCH in service, too. What
    fails is told as `EnrolmentFailed`, and the next bay follows. By the keys `proving` a camera is shown at once that
    what it encrypts for their holders can be opened. Raises what concerns all: `IdentityError`,
    `HostFileError`, `InvalidUri`, `MissingExtra`.
    """
    world = world or World()
    identities = find_identity(identity, lab=lab)
    if identities is None:
        raise IdentityError(
            "nobody is enrolled without a technician's identity",
            advice="name one by --identity DIR or BWC_IDENTITY; --lab enrols for the lab",
        )
    technician = await world.workers.wait(
        identity_for, identities, Role.TECHNICIAN, world.utc_ns() / 1_000_000_000
    )
    parts = await world.workers.wait(authority.parts)
    _check_technician(technician, parts)
    if len(parts.recipients) > RECIPIENTS_MAX:
        raise IdentityError(
            f"the agency has {len(parts.recipients)} evidence recipients; a device takes {RECIPIENTS_MAX}",
            advice="revoke those that are no longer in use: 'bwc ca revoke'",
        )
    run = _Enrolment(authority, parts, technician, vendor, world, bench, wait_s, tuple(proving))
    uri = DeviceUri.parse(device) if isinstance(device, str) else None
    if isinstance(device, str):
        assert uri is not None
        named = uri

        def transports() -> Transport:
            return transport_for(named)
    else:
        transports = device
    bay = uri.bay if uri is not None else 0

    async def open_top(access: Access) -> Opened:
        return await _open_either(transports, bay, access)

    done: PeerKind | None = None
    async for event in run.one(_Slot(f"bay {bay}" if bay else DEVICE, open_top)):
        if isinstance(event, Enrolled | AlreadyEnrolled):
            done = event.kind
        yield event
    if done is PeerKind.STATION:
        async for event in run.bays(transports):
            yield event


def _check_technician(technician: HostIdentity, parts: AgencyParts) -> None:
    """Whoever enrols has to be of the agency whose root is installed: the device asks for no less."""
    chain = technician.credentials.chain
    try:
        if len(chain) != 2:
            raise IdentityError(f"{technician.source} lacks its issuing CA")
        verify_chain(chain[0], chain[1], parts.roots, lab=parts.lab)
    except PeerRefused as error:
        raise IdentityError(
            f"{technician.name!r} ({technician.source}) is not of the agency that would be installed: {error.detail}",
            advice="enrol by a technician whom the same CA has certified: 'bwc ca issue DIR technician'",
        ) from error


async def _open_either(transports: Callable[[], Transport], bay: int, access: Access) -> Opened:
    """A channel to what is there: a camera, or the docking station itself."""
    try:
        return await connect_channel(transports(), bay, PeerKind.CAMERA, access, None), PeerKind.CAMERA
    except WrongDevice:
        if bay:
            raise
        return await connect_channel(transports(), 0, PeerKind.STATION, access, None), PeerKind.STATION


class _Enrolment:
    """What is the same for all devices of one run."""

    def __init__(
        self,
        authority: Authority,
        parts: AgencyParts,
        technician: HostIdentity,
        vendor: Vendor,
        world: World,
        bench: bool,
        wait_s: float,
        proving: tuple[RecipientKey, ...] = (),
    ) -> None:
        self._authority = authority
        self._parts = parts
        self._technician = technician
        self._world = world
        self._bench = bench
        self._wait_s = wait_s
        self._proving = proving
        self._strange = EnrolmentAccess.of(technician, vendor, world)

    async def one(self, slot: _Slot) -> AsyncIterator[EnrolmentEvent]:
        """One device, from its button to a connection by its new certificate."""
        try:
            async for event in self._one(slot):
                yield event
        except BwcError as error:
            log.info("%s: %s", slot.name, error)
            yield EnrolmentFailed(slot.name, error)

    async def bays(self, transports: Callable[[], Transport]) -> AsyncIterator[EnrolmentEvent]:
        """What stands in the bays of a station that is enrolled, over its link, in their order."""
        try:
            connection = await connect_channel(
                transports(), 0, PeerKind.STATION, secure_access(self._technician, None, self._world), None
            )
        except BwcError as error:
            yield EnrolmentFailed(STATION, error)
            return
        station = DockingStation(connection, secure_access(self._technician, None, self._world))
        async with station:
            try:
                bays = await station.bays.list()
            except BwcError as error:
                yield EnrolmentFailed(STATION, error)
                return
            for bay in bays:
                if bay.present:
                    async for event in self.one(_in_bay(connection.driver, bay.bay)):
                        yield event

    async def _one(self, slot: _Slot) -> AsyncIterator[EnrolmentEvent]:
        now = asyncio.get_running_loop().time
        until = now() + self._wait_s
        asked = False
        while True:
            try:
                connection, kind = await slot.open(self._strange)
                break
            except NotEnrolled as error:
                left, pause = until - now(), LOOK_S
                if left <= 0:
                    raise _no_button(slot, self._wait_s, error) from error
                if not asked:
                    yield ButtonWanted(slot.name, self._wait_s)
                    asked = True
            except DeviceBusy as error:  # another host, or handshakes that failed before
                left, pause = until - now(), max(LOOK_S, error.retry_after_s)
                if left <= 0:
                    raise
            except SessionRefused as error:
                yield await self._already(slot, error)
                return
            await asyncio.sleep(min(pause, max(left, 0.0)))
        name = _named(slot, kind)
        try:
            made = await self._install(connection, kind)
        finally:
            with contextlib.suppress(BwcError):
                await connection.close()
        if isinstance(made, RequestWaits):
            assert connection.peer is not None
            yield RequestWritten(name, connection.peer.identity, made.path)
            return
        yield await self._verified(_Slot(name, slot.open), made)

    async def _already(self, slot: _Slot, refused: SessionRefused) -> EnrolmentEvent:
        """Whether the device is not new because it is ours; raises the refusal if it is neither."""
        try:
            connection, kind = await slot.open(secure_access(self._technician, None, self._world))
        except BwcError:
            raise refused from None
        try:
            state = await connection.call(ReadTrust())
            assert connection.peer is not None
            return AlreadyEnrolled(_named(slot, kind), kind, connection.peer.identity, state.not_after_s)
        finally:
            await connection.close()

    async def _install(self, connection: Connection, kind: PeerKind) -> CertificateFacts | RequestWaits:
        """Request, certificate, installation. The device ends the session then."""
        assert connection.peer is not None
        serial = connection.peer.identity
        request = (await connection.call(RequestCertificate())).request
        key = requested_key(request, serial, connection.name)
        made = await self._world.workers.wait(self._authority.certify, serial, kind, request, key)
        if isinstance(made, RequestWaits):
            return made
        facts = check_certified(made, serial, kind, key, self._parts.roots, self._parts.lab)
        root, standby = root_above(made.issuing, self._parts.roots)
        own_issuing = self._technician.credentials.chain[1]
        if read_certificate(own_issuing).issuer_key_id != read_certificate(root).key_id:
            raise IdentityError(
                f"{self._technician.name!r} is under the agency's other root, and the device knows this one only by "
                "what is installed",
                advice="renew the technician's key file by the CA of today: 'bwc ca renew DIR FILE'",
            )
        installation = Installation(
            certificate=made.certificate,
            issuing=made.issuing,
            root=root,
            standby=standby,
            deny_list=self._parts.deny_list,
            recipients=self._parts.recipients,
            bench=self._bench,
            host_issuing=b"" if own_issuing == made.issuing else own_issuing,
        )
        await Trust(connection).enroll(installation.encode())
        return facts

    async def _verified(self, slot: _Slot, made: CertificateFacts) -> Enrolled:
        """Connects as anybody of the agency would, and looks whether the device has what was installed."""
        access = secure_access(self._technician, made.name, self._world)
        now = asyncio.get_running_loop().time
        until = now() + BACK_S
        while True:
            try:
                connection, kind = await slot.open(access)
                break
            except (DeviceBusy, DeviceLost, LinkError, NotEnrolled):
                if now() >= until:
                    raise
                await asyncio.sleep(LOOK_S)
        try:
            state = await connection.call(ReadTrust())
            assert connection.peer is not None
            shown = connection.peer.certificate
            proved = await self._prove(connection, made.name) if kind is PeerKind.CAMERA else ()
        finally:
            await connection.close()
        held = {one.sha256 for one in state.roots}
        if (
            shown is None
            or shown.der != made.der
            or not state.enrolled
            or held != {hashlib.sha256(root).digest() for root in self._parts.roots}
        ):
            raise ProtocolViolation("it was enrolled, and does not have what was installed", device=slot.name)
        return Enrolled(slot.name, kind, made.name, made.not_after_s, proved)

    async def _prove(self, connection: Connection, camera: str) -> tuple[str, ...]:
        """Shows a camera that what it encrypts can be opened, by each key at hand of its recipients; whose they are."""
        held = (
            {recipient_id(public_key_of(one)) for one in self._parts.recipients} if self._proving else set()
        )
        keys = [one for one in self._proving if recipient_id(one.key.public_key()) in held]
        try:
            for one in keys:
                await Trust(connection).prove_opening(one, camera)
        except CommandError as error:
            if error.code is not ErrorCode.UNSUPPORTED:  # else it encrypts nothing, or asks nobody
                raise
            return ()
        return tuple(one.name for one in keys)


def _named(slot: _Slot, kind: PeerKind) -> str:
    """How a slot is called once it is known what is there."""
    return _WORDS[kind] if slot.name == DEVICE else slot.name


def _in_bay(driver: LinkDriver, bay: int) -> _Slot:
    async def open_bay(access: Access) -> Opened:
        return await open_channel(driver, bay, PeerKind.CAMERA, access, None, shared=True), PeerKind.CAMERA

    return _Slot(f"bay {bay}", open_bay)


def _no_button(slot: _Slot, wait_s: float, error: NotEnrolled) -> NotEnrolled:
    whose = f"the camera in {slot.name}" if slot.name.startswith("bay") else f"the {slot.name}"
    return NotEnrolled(
        f"nobody pressed the enrolment button of {whose} within {wait_s:.0f} s, or it has footage",
        device=error.device,
        advice="run the command again and press it when it is asked for; a camera with footage of nobody takes a "
        "physical reset first",
    )
