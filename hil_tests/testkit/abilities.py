"""What a test needs of a device that not every device has: it is skipped with the reason."""

from __future__ import annotations

from typing import Any, Final

from bwc_protocol.declare import Request
from bwc_protocol.word import Dated
from bwc_sdk import Capability, Mark, RecordingEntry, Role
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.sync import SyncCamera
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.device.bench import Bench
from hil_tests.verdicts import not_applicable, not_before, not_tested

MADE_MS: Final = 2_000
"""Length of a recording that is made for a test."""


def need(camera: SyncCamera, *what: type[Request[Any]] | Dated) -> None:
    """Skips the test on a device of a protocol that does not have these commands, or words, yet."""
    for one in what:
        not_before(one.name, one.since, camera.peer.version)


def need_agency(bench: Bench) -> HostIdentity:
    """The bench's auditor, by whose roots the device's signatures are judged; skips where nobody has certificates."""
    own = bench.identities.of(Role.AUDITOR)
    if own is None:
        not_applicable("a device without an agency has no key to sign with, and an insecure session no roots")
    return own


def free_recording(camera: SyncCamera) -> RecordingEntry:
    """The newest recording that nobody holds; where there is none a bench has one made, if the device lets it. Skips
    otherwise: a test must not lift somebody's hold."""
    free = [entry for entry in camera.recordings.list() if not entry.marks & Mark.HELD]
    if free:
        return free[-1]
    if Capability.BENCH not in camera.device.capabilities().capabilities:
        not_tested("the device has no recording that nobody holds")
    camera.bench.record(after=camera.bench.state().last_sequence, duration_ms=MADE_MS)
    return camera.recordings.list()[-1]


def need_footage_link(bench: Bench) -> None:
    """Skips what reads footage where the link is not meant for it: over BLE a chunk takes a minute."""
    if transport_for(DeviceUri.parse(bench.uri)).limits.footage_rate is not None:
        not_tested("the link is not meant for footage")
