"""What a test needs of a device that not every device has: it is skipped with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from bwc_protocol.declare import Request
from bwc_sdk import Role
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.sync import SyncCamera
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.bench import Bench


def need(camera: SyncCamera, *commands: type[Request[Any]]) -> None:
    """Skips the test on a device of a protocol that does not have these commands yet."""
    for command in commands:
        if command.since > camera.peer.version:
            since, spoken = (".".join(map(str, one)) for one in (command.since, camera.peer.version))
            pytest.skip(f"{command.name} came with protocol {since}, and the device speaks {spoken}")


def need_agency(bench: Bench) -> HostIdentity:
    """The bench's auditor, by whose roots the device's signatures are judged; skips where nobody has certificates."""
    own = bench.identities.of(Role.AUDITOR)
    if own is None:
        pytest.skip("a device without an agency has no key to sign with, and an insecure session no roots")
    return own


def need_footage_link(bench: Bench) -> None:
    """Skips what reads footage where the link is not meant for it: over BLE a chunk takes a minute."""
    if transport_for(DeviceUri.parse(bench.uri)).limits.footage_rate is not None:
        pytest.skip("the link is not meant for footage")
