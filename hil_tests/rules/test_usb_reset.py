"""A device that resets itself leaves the bus, so that whoever is there learns of it (spec: USB)."""

from __future__ import annotations

import time

import pytest

from bwc_sdk.transport.uri import DeviceUri
from hil_tests.device.bench import Bench
from hil_tests.raw.pipe import PipeLost
from hil_tests.raw.wire import Wire
from hil_tests.rules.rebooting import back_again, boot_of, reboot
from hil_tests.verdicts import RuleBroken, not_applicable


@pytest.mark.rule("USB-010")
def test_a_device_that_reboots_leaves_the_bus(wire: Wire, bwc_bench: Bench) -> None:
    if DeviceUri.parse(wire.uri).scheme != "usb":
        not_applicable("the device is not reached by USB")
    session = wire.session()
    boot = boot_of(session)
    reboot(session)
    link = session.channel.link
    until = time.monotonic() + bwc_bench.restart_s
    try:
        while time.monotonic() < until:
            link.listen(0.2)
            link.forget()
    except PipeLost:
        back_again(wire, boot, bwc_bench.restart_s)
        return
    back_again(wire, boot, bwc_bench.restart_s)
    raise RuleBroken(
        "a device that is gone from the bus while it reboots (USB-010)",
        f"a pipe that is there for {bwc_bench.restart_s:g} s",
    )
