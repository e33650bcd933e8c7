"""What the drivers of camera and docking station have in common: the way, the keys, one connection while active."""

from __future__ import annotations

import time
from abc import abstractmethod
from pathlib import Path
from typing import Any, Final, Generic, TypedDict, TypeVar

import attr
from labgrid.binding import BindingState
from labgrid.driver import Driver

from bwc_protocol.declare import Role
from bwc_protocol.word import label
from bwc_sdk.errors import DeviceBusy
from bwc_sdk.labgrid.asked import a_serial_number, one_of
from bwc_sdk.labgrid.way import DEVICE, expected_at, uri_of
from bwc_sdk.sync import SyncCamera, SyncDockingStation

BUSY_S: Final = 15.0
"""How long an earlier link of our own may linger on the device: three times the link's dead time."""
PAUSE_S: Final = (0.05, 1.0)
ROLES: Final = {
    label(role): role
    for role in (Role.AUDITOR, Role.BENCH, Role.TECHNICIAN, Role.DOCK_OFFLOAD, Role.DESTINATION, Role.RECORDS)
}
D = TypeVar("D", SyncCamera, SyncDockingStation)


class Speaker(TypedDict):
    """As whom the SDK speaks, and to whom."""

    identity: Path | None
    lab: bool
    expect: str | None
    allow_insecure: bool


@attr.s(eq=False)
class DeviceDriver(Driver, Generic[D]):
    """`identity` is a directory with a key file a role, beside the environment file; without it the lab of this host
    speaks. The keys are on this host alone: a bridge passes on what it cannot read.

    Connected as `role` while active. `serial_number` is who has to be there, unless the resource says it.
    """

    bindings = {"device": DEVICE}  # noqa: RUF012 - labgrid reads a plain dict of the class
    identity = attr.ib(default=None, validator=attr.validators.optional(attr.validators.instance_of(str)))
    role = attr.ib(default="bench", validator=one_of(*ROLES))
    serial_number = attr.ib(default="", validator=a_serial_number)
    insecure = attr.ib(default=False, validator=attr.validators.instance_of(bool))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.insecure and self.identity is not None:
            raise ValueError(f"{self.display_name}: identity and insecure exclude each other: leave one out")
        self._open: D | None = None

    @property
    @abstractmethod
    def uri(self) -> str:
        """The device as the SDK names it. Raises `InvalidUri` while there is no way to it."""

    @abstractmethod
    def connect(self, role: Role | None = None) -> D:
        """A connection of the caller's, who closes it; as the driver's role unless another is named.

        A device has one host at a time: the driver's own connection is closed for it, and made again when it is needed.
        """

    @property
    def key_files(self) -> Path | None:
        """The directory of the key files; None = the lab, or nobody where it is `insecure`."""
        if self.identity is None:
            return None
        environment = self.target.env
        return Path(environment.config.resolve_path(self.identity) if environment else self.identity)

    @property
    def expected(self) -> str | None:
        """The serial number of who has to be there; None: whoever is."""
        return self.serial_number or expected_at(self.device)

    @property
    def speaker(self) -> Speaker:
        """What the SDK's calls take of it."""
        return {
            "identity": self.key_files,
            "lab": self.identity is None and not self.insecure,
            "expect": self.expected,
            "allow_insecure": self.insecure,
        }

    def get_export_vars(self) -> dict[str, str]:
        """What `labgrid-client export` gives to other programs: `LG__BWCDRIVER_URI`."""
        return {"uri": self.uri}

    # Its one connection

    def on_activate(self) -> None:
        """Connects. Raises what the SDK says, with the next step beside it.

        Another driver of the same device hangs up: one host at a time.
        """
        for other in self.device.clients:
            if other is not self and isinstance(other, DeviceDriver) and other.state is BindingState.active:
                self.target.deactivate(other)
        self._connected()

    def on_deactivate(self) -> None:
        """Hangs up; the device is free for another host."""
        self.hang_up()

    def hang_up(self) -> None:
        """Closes the connection, if there is one."""
        device, self._open = self._open, None
        if device is not None:
            device.close()

    def _connected(self) -> D:
        if self._open is None:
            self._open = self.connect()
        return self._open

    @property
    def _role(self) -> Role:
        return ROLES[self.role]


def pipe_of(driver: DeviceDriver[Any]) -> str:
    """The way to what is plugged in at a driver's resource, whichever bay is meant."""
    return uri_of(driver.device).partition("?bay=")[0].partition("&bay=")[0]


def when_free(connect: Any) -> Any:
    """What `connect` gives once an earlier link of ours is gone; waits 15 s at most. An error tells the next step."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            return connect()
        except DeviceBusy as busy:
            if time.monotonic() > until:
                raise
            time.sleep(min(PAUSE_S[1], max(PAUSE_S[0], busy.retry_after_s)))
