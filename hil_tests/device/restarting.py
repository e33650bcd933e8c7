"""Waits until a device is back from a restart, for as long as its bench gives it."""

from __future__ import annotations

import time

from bwc_sdk import Role
from bwc_sdk.errors import LinkError, TransportError
from bwc_sdk.sync import SyncCamera
from hil_tests.device.bench import Bench
from hil_tests.verdicts import RuleBroken

PAUSE_S = 0.1


def when_back(bench: Bench, role: Role, boot_counter: int) -> SyncCamera:
    """A connection to the device in another boot than that. Raises what connecting raises, or `RuleBroken` for one that
    goes on in the same boot, once its time is over."""
    until = time.monotonic() + bench.restart_s
    while True:
        try:
            camera = bench.connect(role)
            if camera.peer.boot_counter != boot_counter:
                return camera
            camera.close()  # it has not gone down yet
            if time.monotonic() > until:
                raise RuleBroken(
                    f"another boot than {boot_counter} within {bench.restart_s:g} s",
                    "an answer in the same boot",
                )
        except (TransportError, LinkError):
            if time.monotonic() > until:
                raise
        time.sleep(PAUSE_S)


def when_answering(bench: Bench) -> None:
    """Waits until the device takes a connection, after it got back what was taken from it. Raises what connecting
    raises, once its time is over."""
    until = time.monotonic() + bench.restart_s
    while True:
        try:
            bench.connect_either(Role.AUDITOR).close()
            return
        except (TransportError, LinkError):
            if time.monotonic() > until:
                raise
        time.sleep(PAUSE_S)
