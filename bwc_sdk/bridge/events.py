"""The events of a bridge: its clients come and go."""

from dataclasses import dataclass

from bwc_sdk.errors import BwcError


@dataclass(frozen=True, slots=True)
class ClientCame:
    """A client is served; the device is being opened for it."""

    peer: str
    """Address and port of the client."""


@dataclass(frozen=True, slots=True)
class ClientRefused:
    """A client is told that the device is busy, and closed: another one has it."""

    peer: str


@dataclass(frozen=True, slots=True)
class ClientLeft:
    """The client and the device are closed."""

    peer: str
    bytes_to_device: int
    bytes_to_client: int
    error: BwcError | None
    """Why the bridge ended it: the device could not be opened, went away, or one side stalled; None: the client
    left, or the bridge was closed."""


BridgeEvent = ClientCame | ClientRefused | ClientLeft
