"""The options that every verb takes, before it and after it."""

import enum
import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bwc_sdk.cli.running.completion import devices

DEVICE_ENV: Final = "BWC_DEVICE"
"""Environment variable: the device URI where `--device` is not given."""
REPLY_MIN_S: Final = 0.05
REPLY_MAX_S: Final = 3600.0


class RoleName(enum.StrEnum):
    """The roles of the protocol by name. Kept here, so that parsing a command line loads no protocol."""

    TECHNICIAN = "technician"
    DOCK_OFFLOAD = "dock-offload"
    DESTINATION = "destination"
    AUDITOR = "auditor"
    BENCH = "bench"
    RECORDS = "records"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the common options say; of one before the verb and one behind it the latter counts, but for devices."""

    device: str | None = None
    as_json: bool = False
    role: RoleName | None = None
    identity: Path | None = None
    lab: bool = False
    allow_insecure: bool = False
    timeout_s: float | None = None
    """Seconds that a reply may take; None = the default of the verb. Connecting has a bound of its own."""
    capture: Path | None = None
    verbose: int = 0

    def merged(self, given: Mapping[str, Any]) -> "Settings":
        """These settings and then what was given further to the right.

        Raises `BadParameter` for two devices: nobody can tell which of them was meant.
        """
        if self.device and given["device"] and self.device != given["device"]:
            raise typer.BadParameter(f"two devices are named, {self.device} and {given['device']}")
        return Settings(
            device=given["device"] or self.device,
            as_json=given["as_json"] or self.as_json,
            role=given["role"] or self.role,
            identity=given["identity"] or self.identity,
            lab=given["lab"] or self.lab,
            allow_insecure=given["allow_insecure"] or self.allow_insecure,
            timeout_s=given["timeout_s"] or self.timeout_s,
            capture=given["capture"] or self.capture,
            verbose=given["verbose"] + self.verbose,
        )

    def device_uri(self) -> str | None:
        """The device that the command line or the environment names."""
        return self.device or os.environ.get(DEVICE_ENV) or None


_ANNOTATIONS: Final[dict[str, tuple[object, object]]] = {
    "device": (
        Annotated[
            str | None,
            typer.Option(
                "--device",
                "-d",
                metavar="URI",
                autocompletion=devices,
                help=f"The device, such as serial:/dev/ttyACM0; or {DEVICE_ENV}.",
            ),
        ],
        None,
    ),
    "as_json": (Annotated[bool, typer.Option("--json", help="Print one JSON document.")], False),
    "role": (
        Annotated[
            RoleName | None,
            typer.Option(
                "--role",
                help="What this host asks to be. Default: what the verb needs: technician, for offload dock-offload, "
                "for audit auditor.",
            ),
        ],
        None,
    ),
    "allow_insecure": (
        Annotated[
            bool,
            typer.Option(
                "--allow-insecure",
                help="Speak without any protection, to simulators and development firmware. For a bench.",
            ),
        ],
        False,
    ),
    "timeout_s": (
        Annotated[
            float | None,
            typer.Option(
                "--timeout",
                metavar="SECONDS",
                min=REPLY_MIN_S,
                max=REPLY_MAX_S,
                help="How long each reply may take; default 10. Connecting takes 15 at most, whatever this says.",
            ),
        ],
        None,
    ),
    "capture": (
        Annotated[
            Path | None,
            typer.Option(
                "--capture",
                readable=False,
                metavar="FILE",
                help="Write what passes to FILE, for 'bwc decode' and 'bwc replay', or Wireshark if it is X.pcapng.",
            ),
        ],
        None,
    ),
    "verbose": (
        Annotated[
            int,
            typer.Option(
                "--verbose",
                "-v",
                count=True,
                show_default=False,
                help="Log to stderr; -vv also what the link discards and why.",
            ),
        ],
        0,
    ),
    "identity": (
        Annotated[
            Path | None,
            typer.Option(
                "--identity",
                metavar="DIR",
                readable=False,
                help="What proves who this host is: the directory of its key files; or BWC_IDENTITY.",
            ),
        ],
        None,
    ),
    "lab": (
        Annotated[
            bool, typer.Option("--lab", help="Speak by the lab, to simulators and devices that it enrolled.")
        ],
        False,
    ),
}

COMMON: Final = tuple(
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, (annotation, default) in _ANNOTATIONS.items()
)
"""The common options as parameters of a typer command."""


def take(given: dict[str, Any]) -> dict[str, Any]:
    """Removes the common options from what a command was given."""
    return {parameter.name: given.pop(parameter.name) for parameter in COMMON}
