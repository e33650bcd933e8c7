"""Simulated cameras, and the kernel's USB ports that they are plugged into."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bwc_sdk.discovery.slots import Slot, slots
from tools.stack.inside.program import Program, until
from tools.stack.inside.system import COMMAND_S, command

REPLUG_S: Final = 0.3
"""A device that left the bus by itself is looked for this often: a real one announces itself."""
FOOTAGE: Final = ("--recordings", "2", "--mib", "1")
HOST: Final = "127.0.0.1"


def simulator(*options: str) -> Program:
    """`bwc sim`, just started: its first line is where it listens."""
    return Program("bwc", "sim", *FOOTAGE, *options)


class UsbCamera:
    """A camera in a USB port of this kernel, by its `vhci_hcd`."""

    slot: Slot
    """Where it is, once it was plugged in."""

    def __init__(self) -> None:
        self._simulator = simulator("--listen", f"usbip:{HOST}:0")

    def plug(self) -> Slot:
        """By the stock tool; returns once the kernel has given it its drivers, and udev its rights."""
        command(*self._attach())
        self.slot = until(both_functions, "camera with both its functions")
        command("udevadm", "settle")
        return self.slot

    def reached(self, link: str) -> str:
        """The URI of one of its two links: `serial` or `usb`."""
        return link_of(self.slot, link)

    def unplug(self) -> None:
        """By the stock tool: the port has lost its device, the camera its host."""
        command("usbip", "detach", "-p", "0")

    def pull(self) -> None:
        """For good: the camera's end is gone, without a word."""
        self._simulator.kill()

    @contextmanager
    def kept_plugged(self) -> Iterator[None]:
        """Inside, a camera that left the bus to reboot is found again, as a host controller does."""
        stop = threading.Event()

        def keep() -> None:
            missing = 0  # looks in a row: its interfaces are away for a moment, too, when somebody opens it
            while not stop.wait(REPLUG_S):
                missing = 0 if slots() else missing + 1
                if missing > 1:
                    subprocess.run(self._attach(), check=False, timeout=COMMAND_S, capture_output=True)

        thread = threading.Thread(target=keep)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _attach(self) -> list[str]:
        port = self._simulator.line(0).rpartition(":")[2]
        return ["usbip", "--tcp-port", port, "attach", "-r", HOST, "-b", "1-1"]


@contextmanager
def plugged_in() -> Iterator[UsbCamera]:
    """A camera for a USB port, not plugged in yet; pulled out in the end."""
    camera = UsbCamera()
    try:
        yield camera
    finally:
        camera.pull()
        until(nothing, "end of the camera")


def both_functions() -> Slot | None:
    """The only device of ours, once it has its bulk interface and its serial port."""
    found = slots()
    return found[0] if len(found) == 1 and len(found[0].others) == 1 else None


def link_of(slot: Slot, link: str) -> str:
    """The URI of this scheme."""
    (uri,) = (one for one in (slot.uri, *slot.others) if one.startswith(f"{link}:"))
    return uri


def nothing() -> bool | None:
    """True once nothing of ours is plugged in."""
    return True if not slots() else None
