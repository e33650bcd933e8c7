"""Events of many cameras at once, as JSON lines, as plain lines and as a few lines on a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, assert_never

from bwc_protocol.messages.station import BayState, BayVerdict
from bwc_sdk.cli.advice import advice_for
from bwc_sdk.cli.printing import text
from bwc_sdk.cli.printing.event_document import error_document
from bwc_sdk.cli.printing.offload_events import (
    in_bytes,
    next_steps,
    offload_document,
    result_document,
    summary,
    values_of,
)
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.printing.readable import Stamps, dumps
from bwc_sdk.errors import BwcError
from bwc_sdk.offload import (
    BayJudged,
    BayRecovered,
    BayTroubled,
    CameraEvent,
    CameraFailed,
    Connected,
    DestinationBack,
    DestinationLost,
    Finished,
    FleetResult,
    Interrupted,
    OffloadResult,
    Planned,
    Progress,
    RecordingFinished,
    RecordingStarted,
    Resumed,
    SegmentStored,
    StationBack,
    StationLost,
    StoredVerified,
)
from bwc_sdk.offload.fleet_events import bay_slot

if TYPE_CHECKING:
    from bwc_sdk.cli.printing.transfer_view import TransferView

PROGRESS_EVERY_S: Final = 0.5
"""Progress of one camera at most this often."""
PLAIN_EVERY_S: Final = 5.0
"""The same in plain lines, which people read as they come."""


class FleetTeller:
    """Writes each event as it comes: one line, which begins with the camera's slot and ends with the time.

    With a `view` a terminal gets its lines that renew themselves, and only what is worth a line of its own. A watch
    is `without_end`: no table will say what became of each camera.
    """

    def __init__(
        self,
        output: Output,
        stamps: Stamps | None = None,
        view: TransferView | None = None,
        *,
        without_end: bool = False,
    ) -> None:
        self._output = output
        self._without_end = without_end
        self._stamps = stamps
        self._view = view
        self._told_s: dict[str, float] = {}
        self._advised: set[str] = set()  # since the station was there
        self._noticed: set[str] = set()  # of certificates: this host's own is the same in every bay

    def tell(self, tagged: CameraEvent) -> None:
        """Writes one event."""
        if self._view is not None:
            self._view.tell(tagged)
        if isinstance(tagged.event, Progress) and not self._due(tagged.slot, tagged.event):
            return
        advice = self._advice(tagged)
        if self._output.as_json:
            stamp = self._stamps.fields() if self._stamps is not None else {}
            self._output.write(dumps({**_document(tagged), **stamp}))
        elif self._view is None or not self._output.terminal:
            stamped = (self._stamps.text(),) if self._stamps is not None else ()
            size = text.size if self._output.terminal else in_bytes
            self._output.line(tagged.slot, *_values(tagged, size), *advice, *stamped)
        if self._view is not None and self._worth_a_line(tagged):
            self._view.remark(tagged.slot, *_values(tagged, text.size), *advice)
        if isinstance(tagged.event, Connected):
            self._tell_notices(tagged.slot, tagged.event)
        self._output.flush()

    def _tell_notices(self, slot: str, connected: Connected) -> None:
        """What ends soon, each once; JSON has it in the event."""
        for notice in connected.notices:
            if notice in self._noticed or self._output.as_json:
                continue
            self._noticed.add(notice)
            if self._view is not None:
                self._view.remark(slot, "remark", notice)
            if self._view is None or not self._output.terminal:
                self._output.line(slot, "remark", notice)

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

    def _worth_a_line(self, tagged: CameraEvent) -> bool:
        """Whether a terminal keeps a line of it, while the bars show the rest."""
        match tagged.event:
            case Progress() | RecordingStarted() | Resumed() | SegmentStored() | Connected() | Planned():
                return False
            case BayJudged(verdict=verdict):
                return verdict in (BayVerdict.NEEDS_ATTENTION, BayVerdict.DO_NOT_USE)
            case RecordingFinished(outcome=outcome):
                return not isinstance(outcome, StoredVerified)
            case Finished(result=result):
                return self._without_end or not result.complete
            case _:
                return True

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


def _values(tagged: CameraEvent, size: Callable[[int], str] = in_bytes) -> tuple[object, ...]:
    match tagged.event:
        case Progress(recording=recording, bytes_done=done, bytes_total=total):
            return "progress", f"recording {recording}", f"{size(done)} of {size(total)}"
        case Finished(result=result):
            return "complete" if result.complete else "INCOMPLETE", result.identity, summary(result, size)
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
        case BayJudged(verdict=verdict, reason=reason):
            return ("light", str(verdict), reason) if reason else ("light", str(verdict))
        case event:
            return values_of(event, size)


def _trouble(slot: str, event: BayTroubled) -> str:
    if event.state is not BayState.QUARANTINE:
        return "something is in it that does not answer"
    why = f"{event.alarms}, " if event.alarms else ""
    release = f"'bwc station {slot} release {event.incident}'"
    return f"{why}{event.temperature_dc / 10:.1f} °C; somebody has to look, then {release}"


def _document(tagged: CameraEvent) -> dict[str, Any]:
    fields = offload_document(tagged.event)
    if isinstance(tagged.event, Finished):
        fields["event"] = "camera_result"  # `result` is the last line, about all of them
    return {"slot": tagged.slot, "bay": tagged.bay, **fields}


def show_result(output: Output, result: FleetResult, stamps: Stamps | None = None) -> None:
    """The end: in JSON the last line, otherwise a note for each camera that is not complete, and one on the whole."""
    if output.as_json:
        numbers = {bay_slot(bay): bay for bay in result.bays}
        cameras = [
            {"slot": slot, "bay": numbers.get(slot), **_camera(one)} for slot, one in result.cameras.items()
        ]
        stamp = stamps.fields() if stamps is not None else {}
        output.write(dumps({"event": "result", "complete": result.complete, "cameras": cameras, **stamp}))
        return
    if output.terminal:
        output.show({}, _table(result))
    done = 0
    for slot, one in result.cameras.items():
        match one:
            case OffloadResult():
                done += one.complete
                if not one.complete and not output.terminal:
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


def _table(result: FleetResult) -> Rows:
    rows = []
    for slot, one in result.cameras.items():
        if isinstance(one, OffloadResult):
            stored = sum(isinstance(outcome, StoredVerified) for outcome in one.outcomes)
            outcome = "complete" if one.complete else "INCOMPLETE"
            recordings = f"{stored} of {len(one.outcomes)}"
            rows.append([slot, one.identity, outcome, recordings, text.size(one.bytes_received), "-"])
        else:
            rows.append([slot, "-", "FAILED", "-", "-", one.rule])
    headings = ["slot", "camera", "outcome", "recordings stored", "received", "why"]
    return Rows("", headings, rows, empty="no camera in any bay")


def _camera(one: OffloadResult | BwcError) -> dict[str, Any]:
    if isinstance(one, OffloadResult):
        return result_document(one)
    return {"complete": False, "error": error_document(one)}
