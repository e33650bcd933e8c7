"""Waits until a device is back from a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from bwc_sdk import Role
from bwc_sdk.errors import LinkError, TransportError
from bwc_sdk.sync import SyncCamera
from hil_tests.bench import Bench

BACK_S: Final = 40.0
"""Within this a camera is back from a reboot."""


def when_back(connect_as: Callable[[Role], SyncCamera], role: Role, boot_counter: int) -> SyncCamera:
    """A connection to the device in another boot than that. Raises what connecting raises, after 40 s."""
    until = time.monotonic() + BACK_S
    while True:
        try:
            camera = connect_as(role)
            if camera.peer.boot_counter != boot_counter:
                return camera
            camera.close()  # it has not gone down yet
        except (TransportError, LinkError):
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


def when_answering(bench: Bench) -> None:
    """Waits until the device takes a connection, after it got back what was taken from it. Raises what connecting
    raises, after 40 s."""
    until = time.monotonic() + BACK_S
    while True:
        try:
            bench.connect(Role.AUDITOR).close()
            return
        except (TransportError, LinkError):
            if time.monotonic() > until:
                raise
        time.sleep(0.1)
