"""What a host needs to reach devices, checked one by one. Looks, and changes nothing."""

import enum
import os
import stat
import sys
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bwc_sdk.discover import slots
from bwc_sdk.host_time import START_A_SERVICE, HostTime
from bwc_sdk.usb_slots import UDEV_ADVICE
from bwc_sdk.world import World

OLDEST_PYTHON: Final = (3, 11)
CORE: Final = {
    "construct": "construct",
    "crcmod": "crcmod",
    "google-crc32c": "google_crc32c",
    "cbor2": "cbor2",
    "pyserial": "serial",
    "typer": "typer",
    "rich": "rich",
}
EXTRAS: Final = {
    "usb": {"pyusb": "usb", "libusb-package": "libusb_package"},
    "ble": {"bleak": "bleak"},
    "sim": {"av": "av", "bumble": "bumble", "numpy": "numpy", "pillow": "PIL"},
    "hil": {"pytest": "pytest", "pytest-timeout": "pytest_timeout"},
}
BLUETOOTH: Final = Path("/sys/class/bluetooth")
SYSTEM_BUS: Final = Path("/run/dbus/system_bus_socket")
"""Where bleak finds BlueZ."""


class State(enum.Enum):
    """How a check came out."""

    GOOD = "ok"
    ABSENT = "absent"
    """An optional thing is not there; what needs it says so when it is used."""
    WARNING = "warning"
    BROKEN = "broken"
    """Something that every user needs does not work."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    state: State
    found: str
    advice: str = ""


def examine() -> Iterator[Check]:
    """Every check, in the order in which a person would make them."""
    yield _python()
    yield _parts()
    for extra, parts in EXTRAS.items():
        yield _extra(extra, parts)
    yield _plugins()
    yield from _devices()
    yield _usb_library()
    yield _bluetooth()
    yield _clock(World().host_time())
    yield _terminal()


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Check("python", State.BROKEN, found, "bwc-sdk needs Python 3.11 or newer")
    return Check("python", State.GOOD, found)


def _parts() -> Check:
    missing = _missing(CORE)
    if missing:
        return Check("core parts", State.BROKEN, f"missing: {', '.join(missing)}", "pip install bwc-sdk")
    return Check("core parts", State.GOOD, ", ".join(f"{name} {_version(name)}" for name in CORE))


def _extra(extra: str, parts: dict[str, str]) -> Check:
    missing = _missing(parts)
    if missing:
        return Check(
            f"extra {extra}",
            State.ABSENT,
            f"missing: {', '.join(missing)}",
            f"pip install 'bwc-sdk[{extra}]' if you need it",
        )
    return Check(f"extra {extra}", State.GOOD, ", ".join(f"{name} {_version(name)}" for name in parts))


def _missing(parts: dict[str, str]) -> list[str]:
    return [name for name, module in parts.items() if find_spec(module) is None]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(version unknown)"


def _plugins() -> Check:
    found = [f"{one.name}:" for one in entry_points(group="bwc_sdk.transports")]
    found += [one.name for one in entry_points(group="bwc_sdk.commands")]
    return Check("plug-ins", State.GOOD if found else State.ABSENT, ", ".join(sorted(found)) or "none")


def _devices() -> Iterator[Check]:
    found = slots()
    if not found:
        yield Check(
            "devices",
            State.ABSENT,
            "no USB serial port, and no camera on USB",
            "plug a device in; a charge-only cable shows none",
        )
    for slot in found:
        if slot.accessible:
            yield Check(slot.uri, State.GOOD, f"USB {slot.port_path or 'port'}, may be opened")
        else:
            path = Path(slot.uri.partition(":")[2])
            usb = slot.uri.startswith("usb:")
            advice = UDEV_ADVICE if usb else permission_advice(path, _group_of)
            yield Check(slot.uri, State.WARNING, "this user may not open it", advice)


def permission_advice(path: Path, group_of: Callable[[Path], str | None]) -> str:
    """How a user gets at a port."""
    group = group_of(path)
    if group is None:
        return f"give this user read and write access to {path}"
    return f"sudo usermod -aG {group} $USER, then log in again"


def _group_of(path: Path) -> str | None:
    try:
        facts = path.stat()
        return path.group() if facts.st_mode & stat.S_IRGRP and facts.st_mode & stat.S_IWGRP else None
    except (OSError, KeyError):
        return None


def _usb_library() -> Check:
    library = find_library("usb-1.0")
    if library is None and find_spec("libusb_package") is not None:
        library = f"libusb-package {_version('libusb-package')}"
    if library is None:
        return Check("libusb", State.ABSENT, "not found", "install libusb-1.0 to use usb: devices")
    return Check("libusb", State.GOOD, library)


def _bluetooth() -> Check:
    adapters = sorted(BLUETOOTH.glob("hci*")) if BLUETOOTH.is_dir() else []
    names = ", ".join(one.name for one in adapters)
    if not adapters:
        return Check("bluetooth", State.ABSENT, "no adapter", "needed only for ble: devices")
    if all(_blocked(adapter) for adapter in adapters):
        return Check("bluetooth", State.WARNING, f"{names}: switched off", "rfkill unblock bluetooth")
    if sys.platform == "linux" and not SYSTEM_BUS.exists():
        return Check("bluetooth", State.WARNING, f"{names}, but no D-Bus", "start dbus and bluetoothd")
    return Check("bluetooth", State.GOOD, names)


def _blocked(adapter: Path) -> bool:
    """Whether a switch, of hardware or software, keeps the adapter off."""
    for switch in adapter.glob("rfkill*"):
        for kind in ("soft", "hard"):
            try:
                if (switch / kind).read_text().strip() == "1":
                    return True
            except OSError:
                pass  # another kernel; what it does not say is no reason to warn
    return False


def _clock(known: HostTime) -> Check:
    if known.synchronised:
        return Check("host clock", State.GOOD, str(known))
    if known.synchronised is None:
        advice = "'bwc clock sync' needs a --source, and how far it may be off: --uncertainty"
    elif known.said_by == "kernel" and known.detail:
        advice = "let it tell the kernel: 'rtcsync' in the configuration of chrony; until then no camera is set by it"
    else:
        advice = f"{START_A_SERVICE}; until then 'bwc clock sync' sets no camera by it"
    return Check("host clock", State.WARNING, str(known), advice)


def _terminal() -> Check:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        return Check(
            "terminal", State.WARNING, f"encoding {encoding or 'unknown'}", "set LANG to a UTF-8 locale"
        )
    return Check("terminal", State.GOOD, f"UTF-8, TERM={os.environ.get('TERM', 'not set')}")
