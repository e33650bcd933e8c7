"""SDK for body-worn cameras and docking stations.

    async with bwc_sdk.connect("serial:/dev/ttyACM0") as camera:
        print(await camera.battery.status())

    async with bwc_sdk.connect_station("tcp:127.0.0.1:7000") as station:
        for bay in await station.bays.list():
            print(bay)

    connect            a camera by its URI: `Camera`, with one attribute a subject
    connect_station    a docking station by its URI: `DockingStation`
    watch              what is plugged in and what comes and goes: `Arrived`, `Departed`
    Role               what this host asks to be
    ErrorCode          why a device refused a command
    Unknown            a number that a newer device sent and this SDK has no name for
    BwcError           the root of all errors; `bwc_sdk.errors` has a class for each thing to do next
    World              clock, randomness, files and workers, to be replaced in tests
    __version__        of the SDK

    bwc_sdk.offload    copies recordings off a camera, verified and resumed: `offload`, its events and outcomes
    bwc_sdk.sync       all of it for programs without asyncio

Names load when they are first used, so that importing the package costs nothing.
"""

from bwc_sdk.version import __version__ as __version__

TYPE_CHECKING = False  # checkers know the name; `typing` would be half of the time of `bwc --version`

if TYPE_CHECKING:
    from bwc_protocol.declare import Role as Role
    from bwc_protocol.declare import Unknown as Unknown
    from bwc_protocol.vocabulary import ErrorCode as ErrorCode
    from bwc_sdk.camera import Camera as Camera
    from bwc_sdk.connecting import connect as connect
    from bwc_sdk.connecting import connect_station as connect_station
    from bwc_sdk.errors import BwcError as BwcError
    from bwc_sdk.station import DockingStation as DockingStation
    from bwc_sdk.watching import Arrived as Arrived
    from bwc_sdk.watching import Departed as Departed
    from bwc_sdk.watching import watch as watch
    from bwc_sdk.world import World as World

_HOMES = {
    "Arrived": "bwc_sdk.watching",
    "BwcError": "bwc_sdk.errors",
    "Camera": "bwc_sdk.camera",
    "Departed": "bwc_sdk.watching",
    "DockingStation": "bwc_sdk.station",
    "ErrorCode": "bwc_protocol.vocabulary",
    "Role": "bwc_protocol.declare",
    "Unknown": "bwc_protocol.declare",
    "World": "bwc_sdk.world",
    "connect": "bwc_sdk.connecting",
    "connect_station": "bwc_sdk.connecting",
    "watch": "bwc_sdk.watching",
}

__all__ = [
    "Arrived",
    "BwcError",
    "Camera",
    "Departed",
    "DockingStation",
    "ErrorCode",
    "Role",
    "Unknown",
    "World",
    "__version__",
    "connect",
    "connect_station",
    "watch",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'bwc_sdk' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
