"""Who the device under test is, for the report: asked of the bench, or of the device itself."""

from __future__ import annotations

from bwc_protocol.conversation import PeerInfo
from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import Capability, DeviceIdentity
from bwc_protocol.word import label
from bwc_sdk.errors import BwcError
from bwc_sdk.sync import connect
from hil_tests.bench import Bench, protection
from hil_tests.conformance.report import Device

ASKED_S = 5.0
"""A device of which only the link is there is silent here: its author waits for the verdict meanwhile."""
NO_SESSION = "none: no session came about"

Known = tuple[Device, str, bool]
"""Who the device is, what protects its sessions in words, and whether anything does."""


def of(bench: Bench) -> Known:
    """The device of a bench that has connected."""
    return described(bench.uri, bench.peer, bench.known), bench.session, bench.secure


def ask(bench: Bench) -> Known:
    """Asks a device with which no test needed a session. One that gives none is part of the answer, and no error."""
    try:
        with connect(
            bench.uri,
            role=Role.AUDITOR,
            identity=bench.key_files,
            lab=bench.lab,
            allow_insecure=bench.allow_insecure,
            timeout=ASKED_S,
        ) as camera:
            return (
                described(bench.uri, camera.peer, camera.device.identify()),
                protection(camera.peer),
                camera.peer.secure,
            )
    except BwcError as error:
        return Device(uri=bench.uri, unknown_because=str(error)), NO_SESSION, False


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
