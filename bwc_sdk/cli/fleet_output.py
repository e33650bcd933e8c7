"""Events of many cameras at once, as JSON lines, as plain lines and as a few lines on a terminal."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any, Final, assert_never

from bwc_protocol.declare import to_plain
from bwc_protocol.messages.station import BayState
from bwc_sdk.cli.advice import advice_for
from bwc_sdk.cli.offload_events import json_line, next_steps, result_document, summary, values_of
from bwc_sdk.cli.output import Output
from bwc_sdk.errors import BwcError
from bwc_sdk.offload import (
    BayRecovered,
    BayTroubled,
    CameraEvent,
    CameraFailed,
    DestinationBack,
    DestinationLost,
    FleetResult,
    Interrupted,
    OffloadResult,
    Progress,
    StationBack,
    StationLost,
)
from bwc_sdk.offload.fleet_events import bay_slot

PROGRESS_EVERY_S: Final = 0.5
"""Progress of one camera at most this often."""
PLAIN_EVERY_S: Final = 5.0
"""The same in plain lines, which people read as they come."""


class FleetTeller:
    """Writes each event as it comes: one line, which begins with the camera's slot."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._told_s: dict[str, float] = {}
        self._advised: set[str] = set()  # since the station was there

    def tell(self, tagged: CameraEvent) -> None:
        """Writes one event."""
        if isinstance(tagged.event, Progress) and not self._due(tagged.slot, tagged.event):
            return
        if self._output.as_json:
            self._output.write(json.dumps(_document(tagged)))
        else:
            self._output.line(tagged.slot, *_values(tagged), *self._advice(tagged))
        self._output.flush()

    def _advice(self, tagged: CameraEvent) -> tuple[str, ...]:
        """What to do about a station that is lost: once, and not at every attempt to reach it."""
        if isinstance(tagged.event, StationBack):
            self._advised.clear()
        if not isinstance(tagged.event, StationLost):
            return ()
        advice = advice_for(tagged.event.error)
        if not advice or advice in self._advised:
            return ()
        self._advised.add(advice)
        return (f"try: {advice}",)

    def _due(self, slot: str, progress: Progress) -> bool:
        now = asyncio.get_running_loop().time()
        every_s = PROGRESS_EVERY_S if self._output.as_json else PLAIN_EVERY_S
        if (
            now < self._told_s.get(slot, float("-inf")) + every_s
            and progress.bytes_done < progress.bytes_total
        ):
            return False
        self._told_s[slot] = now
        return True


def _values(tagged: CameraEvent) -> tuple[object, ...]:
    match tagged.event:
        case Progress(recording=recording, bytes_done=done, bytes_total=total):
            return "progress", f"recording {recording}", f"{done} of {total} bytes"
        case CameraFailed(error=error):
            return "FAILED", error.rule
        case Interrupted(identity=identity):
            return "interrupted", identity or "-", "taken out; goes on in whatever bay it comes back to"
        case StationLost(error=error, wait_s=wait_s):
            return "lost", error.rule, f"again in {wait_s:.1f} s"
        case StationBack():
            return ("station is back",)
        case DestinationLost(error=error):
            return "lost", error.rule, f"try: {advice_for(error)}"
        case DestinationBack():
            return ("destination is back",)
        case BayTroubled():
            return str(tagged.event.state), _trouble(tagged.slot, tagged.event)
        case BayRecovered():
            return ("recovered",)
        case event:
            return values_of(event)


def _trouble(slot: str, event: BayTroubled) -> str:
    if event.state is not BayState.QUARANTINE:
        return "something is in it that does not answer"
    why = f"{event.alarms}, " if event.alarms else ""
    release = f"'bwc station {slot} release {event.incident}'"
    return f"{why}{event.temperature_dc / 10:.1f} °C; somebody has to look, then {release}"


def _document(tagged: CameraEvent) -> dict[str, Any]:
    match tagged.event:
        case CameraFailed(error=error):
            fields: dict[str, Any] = {"event": "camera_failed", "error": _error(error)}
        case Interrupted(identity=identity):
            fields = {"event": "interrupted", "identity": identity}
        case StationLost(error=error, wait_s=wait_s):
            fields = {"event": "station_lost", "error": _error(error), "wait_s": wait_s}
        case StationBack():
            fields = {"event": "station_back"}
        case DestinationLost(error=error):
            fields = {"event": "destination_lost", "error": _error(error)}
        case DestinationBack():
            fields = {"event": "destination_back"}
        case BayTroubled():
            fields = {"event": "bay_troubled"}
            fields |= {
                one.name: to_plain(getattr(tagged.event, one.name)) for one in dataclasses.fields(BayTroubled)
            }
        case BayRecovered():
            fields = {"event": "bay_recovered"}
        case event:
            fields = json.loads(json_line(event))
            if fields["event"] == "result":
                fields["event"] = "camera_result"  # `result` is the last line, about all of them
    return {"slot": tagged.slot, "bay": tagged.bay, **fields}


def _error(error: BwcError) -> dict[str, str]:
    return {
        "class": type(error).__name__,
        "layer": error.layer,
        "device": error.device,
        "rule": error.rule,
        "advice": advice_for(error),
    }


def show_result(output: Output, result: FleetResult) -> None:
    """The end: in JSON the last line, otherwise a note for each camera that is not complete, and one on the whole."""
    if output.as_json:
        numbers = {bay_slot(bay): bay for bay in result.bays}
        cameras = [
            {"slot": slot, "bay": numbers.get(slot), **_camera(one)} for slot, one in result.cameras.items()
        ]
        output.write(json.dumps({"event": "result", "complete": result.complete, "cameras": cameras}))
        return
    done = 0
    for slot, one in result.cameras.items():
        match one:
            case OffloadResult():
                done += one.complete
                if not one.complete:
                    output.note(f"{slot}: {one.identity}: {summary(one)}")
                for line in next_steps(one):
                    output.note(f"{slot}: {line}")
            case BwcError():
                output.note(f"{slot}: error: {one.rule}")
                if advice := advice_for(one):
                    output.note(f"{slot}:   try: {advice}")
            case _:
                assert_never(one)
    output.note(f"{done} of {len(result.cameras)} cameras stored and verified")


def _camera(one: OffloadResult | BwcError) -> dict[str, Any]:
    if isinstance(one, OffloadResult):
        return result_document(one)
    return {"complete": False, "error": _error(one)}
