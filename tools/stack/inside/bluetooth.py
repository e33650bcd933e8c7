"""The guest's own Bluetooth: bluetoothd, and a camera that this kernel hears by a virtual adapter (`hci_vhci`)."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tools.stack.inside.program import until
from tools.stack.inside.system import command

BLUETOOTHD: Final = "/usr/libexec/bluetooth/bluetoothd"
ADAPTER: Final = "/org/bluez/hci0"
AUDIBLE: Final = ("--set", "radio.ble_docked=full")


@contextmanager
def daemon() -> Iterator[None]:
    """Inside, bluetoothd runs, which waits for adapters. What it says is of use to nobody but its own developers."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([BLUETOOTHD, "-n"], stdout=log, stderr=log)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def switch_on() -> None:
    """Powers the adapter, as a desktop's settings do. Raises `TimeoutError` when there is none."""
    until(_powered, "adapter that BlueZ powers")


def _powered() -> bool | None:
    set_on = ("org.freedesktop.DBus.Properties.Set", "string:org.bluez.Adapter1", "string:Powered")
    try:
        command(
            "dbus-send",
            "--system",
            "--print-reply",
            "--dest=org.bluez",
            ADAPTER,
            *set_on,
            "variant:boolean:true",
        )
    except subprocess.CalledProcessError:
        return None  # not known to BlueZ yet, or busy
    return True
