"""Every declared message, a file a subject, loaded when it is first used.

`COMMANDS`, `EVENTS` and `CONTROLS` of `bwc_protocol.declare` find them by opcode.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from bwc_protocol.declare import declared_in

if TYPE_CHECKING:
    from bwc_protocol.declare import Subject

    SUBJECTS: tuple[type[Subject], ...]
    """The client class of each subject, in the order of the specification."""

FILES: Final = {
    0x00: "core",
    0x01: "identity",
    0x02: "battery",
    0x03: "storage",
    0x04: "clock",
    0x05: "config",
    0x06: "recordings",
    0x07: "assignment",
    0x08: "audit",
    0x09: "bench",
    0x0A: "station",
    0x0B: "trust",
}
"""The file of each subject, by the high byte of its opcodes."""

declared_in({high: f"{__name__}.{name}" for high, name in FILES.items()})

_CLIENTS: Final = {"identity": "Device"}
"""The client class of a subject whose name is not that of its file."""


def __getattr__(name: str) -> object:
    if name != "SUBJECTS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return tuple(
        getattr(import_module(f"{__name__}.{file}"), _CLIENTS.get(file, file.capitalize()))
        for high, file in FILES.items()
        if high
    )
