"""What a host needs to reach devices, checked one by one. Looks, and changes nothing."""

import enum
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bwc_sdk.discovery.slots import slots
from bwc_sdk.errors import BwcError
from bwc_sdk.host.host_time import START_A_SERVICE, HostTime
from bwc_sdk.host.libusb import system_libusb
from bwc_sdk.host.packages import CORE, EXTRAS, PARTS, Part, Problem, problems
from bwc_sdk.host.udev import UDEV_ADVICE
from bwc_sdk.host.world import World

OLDEST_PYTHON: Final = (3, 11)
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
    yield _identity()
    yield _terminal()


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Check("python", State.BROKEN, found, "bwc-sdk needs Python 3.11 or newer")
    return Check("python", State.GOOD, found)


def _parts() -> Check:
    missing, wrong = _looked_through(CORE)
    if missing:
        return Check("core parts", State.BROKEN, f"missing: {', '.join(missing)}", "pip install bwc-sdk")
    if wrong:
        advice = "; ".join(one.advice for one in wrong)
        return Check("core parts", State.BROKEN, "; ".join(one.rule for one in wrong), advice)
    return Check("core parts", State.GOOD, ", ".join(part.found for part in CORE))


def _extra(extra: str, parts: tuple[Part, ...]) -> Check:
    missing, wrong = _looked_through(parts)
    if wrong:
        advice = "; ".join(one.advice for one in wrong)
        return Check(f"extra {extra}", State.WARNING, "; ".join(one.rule for one in wrong), advice)
    if missing:
        advice = f"pip install 'bwc-sdk[{extra}]' if you need it"
        return Check(f"extra {extra}", State.ABSENT, f"missing: {', '.join(missing)}", advice)
    return Check(f"extra {extra}", State.GOOD, ", ".join(part.found for part in parts))


def _looked_through(parts: tuple[Part, ...]) -> tuple[list[str], list[Problem]]:
    """What is not there, and what is there and wrong."""
    there = [part for part in parts if find_spec(part.module) is not None]
    found = problems(there)
    missing = [part for part in parts if part not in there] + [one.part for one in found if one.missing]
    return [part.distribution for part in missing], [one for one in found if not one.missing]


def _plugins() -> Check:
    found = [f"{one.name}:" for one in entry_points(group="bwc_sdk.transports")]
    found += [one.name for one in entry_points(group="bwc_sdk.commands")]
    return Check("plug-ins", State.GOOD if found else State.ABSENT, ", ".join(sorted(found)) or "none")


def _devices() -> Iterator[Check]:
    try:
        found = slots()
    except BwcError as error:
        yield Check("devices", State.BROKEN, error.rule, error.advice)
        return
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
    library = system_libusb()
    if library is None and find_spec("libusb_package") is not None:
        library = PARTS["libusb-package"].found
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


def _identity() -> Check:
    """Whether there is one, and whether it is this user's alone; 'bwc identity check' opens the files as well."""
    from bwc_protocol.word import label
    from bwc_sdk.identity.identity_directory import IdentityDirectory
    from bwc_sdk.identity.lookup import configured_directory
    from bwc_sdk.identity.private_files import check_directory, looseness
    from bwc_sdk.identity.role_file import ENCRYPTED

    path = configured_directory()
    if path is None:
        advice = "for an agency's cameras: 'bwc ca issue', and BWC_IDENTITY=DIR"
        return Check("identity", State.ABSENT, "none is configured: simulators and the lab", advice)
    try:
        directory = IdentityDirectory(path)
        files = directory.files()
        check_directory(path)
        for file in files:
            problem = looseness(file, file.stat(), secret=file.suffix == ENCRYPTED)
            if problem is not None:
                raise problem
    except BwcError as error:
        return Check("identity", State.WARNING, error.rule, error.advice)
    held = ", ".join(label(role) for role in directory.roles())
    if not held:
        return Check("identity", State.WARNING, f"{path} has no key file", "'bwc ca issue' makes one")
    return Check("identity", State.GOOD, f"{path}: {held}", "")


def _terminal() -> Check:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        return Check(
            "terminal", State.WARNING, f"encoding {encoding or 'unknown'}", "set LANG to a UTF-8 locale"
        )
    return Check("terminal", State.GOOD, f"UTF-8, TERM={os.environ.get('TERM', 'not set')}")
