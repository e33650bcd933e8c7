"""Who the device under test is, for the report: asked of the bench, or of the device itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import Capability, DeviceIdentity
from bwc_protocol.word import label
from bwc_sdk.errors import BwcError, DeviceBusy, LinkError, WrongDevice
from bwc_sdk.link_seen import ConnectStage
from bwc_sdk.sync import connect, connect_station
from hil_tests.conformance.report import Device
from hil_tests.device.bench import AnyDevice, Bench, protection

ASKED_S: Final = 5.0
"""The author of a link waits for its verdict meanwhile."""
NOTHING_SAID: Final = (ConnectStage.HELLO, ConnectStage.PING, ConnectStage.PREAMBLE)
"""How far a connection comes to a device that has no session yet: that of no test will come any further."""
NO_SESSION: Final = "none: no session came about"

Known = tuple[Device, str, bool]
"""Who the device is, what protects its sessions in words, and whether anything does."""


def of(bench: Bench) -> Known:
    """The device of a bench that has connected."""
    return described(bench.uri, bench.peer, bench.known), bench.session, bench.secure


def ask(bench: Bench) -> Known:
    """Asks a device with which no test needed a session. One that gives none is part of the answer, and no error."""
    try:
        return _asked(bench, ASKED_S)
    except BwcError as error:
        return unknown(bench, str(error))


def why_no_session(bench: Bench) -> str:
    """Why a device gives no session at all: its link is there, and perhaps its channels; "" if it says any more."""
    try:
        _asked(bench, None)
    except DeviceBusy:
        return ""  # it has one, with another host
    except LinkError as error:
        return str(error) if error.seen is not None and error.seen.stage in NOTHING_SAID else ""
    except BwcError:
        return ""  # its tests tell what is wrong with it
    return ""


def _asked(bench: Bench, at_most_s: float | None) -> Known:
    try:
        return _told(bench, connect, at_most_s)
    except WrongDevice:
        return _told(bench, connect_station, at_most_s)


def _told(bench: Bench, by: Callable[..., AnyDevice], at_most_s: float | None) -> Known:
    with by(
        bench.uri,
        role=Role.AUDITOR,
        identity=bench.key_files,
        lab=bench.lab,
        allow_insecure=bench.allow_insecure,
        timeout=at_most_s,
    ) as device:
        return (
            described(bench.uri, device.peer, device.device.identify()),
            protection(device.peer),
            device.peer.secure,
        )


def unknown(bench: Bench, why: str) -> Known:
    """A device that gave no session."""
    return Device(uri=bench.uri, unknown_because=why), NO_SESSION, False


def described(uri: str, peer: PeerInfo, identity: DeviceIdentity) -> Device:
    """What a device said of itself."""
    return Device(
        uri=uri,
        identity=identity.serial,
        kind=str(identity.kind),
        manufacturer=identity.manufacturer,
        model=identity.model,
        hardware=identity.hardware,
        firmware=identity.firmware,
        firmware_sha256=identity.firmware_sha256.hex(),
        protocol=".".join(map(str, peer.version)),
        capabilities=tuple(label(one) for one in Capability if one & peer.capabilities),
        says_simulator=identity.simulator,
    )
