"""The events of an offload of many cameras: those of each camera, tagged with its slot."""

from dataclasses import dataclass, field

from bwc_protocol.messages.station import BayAlarm, BayState, BayVerdict
from bwc_sdk.errors import BwcError
from bwc_sdk.offload.events import OffloadEvent
from bwc_sdk.offload.outcome import OffloadResult

STATION = "station"
"""The slot of what concerns the docking station itself."""
DESTINATION = "destination"
"""The slot of what concerns the destination."""


def bay_slot(bay: int) -> str:
    """The slot of a bay."""
    return f"bay {bay}"


@dataclass(frozen=True, slots=True)
class CameraFailed:
    """The offload of this camera did not begin, or ended without a result; the others go on."""

    error: BwcError


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The camera was taken out while it was being offloaded; it goes on in whatever bay the camera comes back to."""

    identity: str
    """Its serial number, "" if it was taken before it said so."""


@dataclass(frozen=True, slots=True)
class StationLost:
    """The docking station cannot be reached; it is tried again in `wait_s` seconds."""

    error: BwcError
    wait_s: float


@dataclass(frozen=True, slots=True)
class StationBack:
    """What `StationLost` reported is over: the docking station answers again. Told once, however often it was tried."""


@dataclass(frozen=True, slots=True)
class DestinationLost:
    """The path of the destination leads elsewhere than when the watch began, or nowhere: nothing is offloaded until it
    is back. Told once."""

    error: BwcError


@dataclass(frozen=True, slots=True)
class DestinationBack:
    """What `DestinationLost` reported is over: the same directory is there again."""


@dataclass(frozen=True, slots=True)
class BayTroubled:
    """Nothing is offloaded in this bay until somebody has looked at it. Told once for each change."""

    state: BayState
    """FAULT: something is in it that does not answer. QUARANTINE: an alarm switched it off."""
    alarms: BayAlarm
    """What is wrong now: none for a fault, and none for a quarantine whose cause has passed."""
    temperature_dc: int
    """At the contacts, tenths of a degree."""
    incident: int
    """Names the quarantine for its release."""


@dataclass(frozen=True, slots=True)
class BayRecovered:
    """What `BayTroubled` reported about this bay is over."""


@dataclass(frozen=True, slots=True)
class BayJudged:
    """The light of this bay says so of its camera from now on, as long as the watch runs. Told once for each change,
    and only of stations whose bays have such lights."""

    verdict: BayVerdict
    reason: str = ""
    """What is against the camera, for a line of text; "" where nothing is, and while the work is going on."""


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """Something about one camera."""

    slot: str
    """Where it is: `bay 3` of a station, the URI of a camera by itself, `station` or `destination`."""
    event: (
        OffloadEvent
        | CameraFailed
        | Interrupted
        | StationLost
        | StationBack
        | DestinationLost
        | DestinationBack
        | BayTroubled
        | BayRecovered
        | BayJudged
    )
    bay: int | None = None
    """The number of the station's bay, as `station.bays` and `station.camera` take it; None of what concerns the
    station itself, and of cameras that were named by URI."""


@dataclass(frozen=True, slots=True)
class FleetResult:
    """The end: for each slot the camera's result, or the error that kept it from having one."""

    cameras: dict[str, OffloadResult | BwcError]
    bays: dict[int, OffloadResult | BwcError] = field(default_factory=dict)
    """The same of the cameras that are in bays of a station, by the number of the bay."""

    @property
    def complete(self) -> bool:
        """Whether every recording of every camera is stored and verified. Without any camera, it is."""
        return all(isinstance(one, OffloadResult) and one.complete for one in self.cameras.values())
