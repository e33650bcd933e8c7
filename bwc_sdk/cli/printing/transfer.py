"""How far an offload is, as its events tell it: for each line of the view how much is done, how fast, what is left."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bwc_protocol.messages.station import BayVerdict
from bwc_sdk.offload import (
    BayJudged,
    BayTroubled,
    CameraEvent,
    CameraFailed,
    Connected,
    ConnectionLost,
    Finished,
    Interrupted,
    Planned,
    Progress,
    Reconnected,
    RecordingFinished,
    RecordingPostponed,
    RecordingStarted,
    Resumed,
    StoredVerified,
)

WINDOW_S: Final = 10.0
"""Seconds over which a rate is taken: long enough not to flicker, short enough to show a stall."""
SAMPLES_MAX: Final = 256
"""Samples of one rate that are kept: more come closer together than anybody looks."""


class Rate:
    """Bytes/s over the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=SAMPLES_MAX)
        self._begun_s: float | None = None

    def add(self, now_s: float, count: int) -> None:
        """`count` bytes came."""
        if self._begun_s is None:
            self._begun_s = now_s
        if count > 0:
            self._samples.append((now_s, count))

    def per_s(self, now_s: float) -> float:
        """0 before anything came, and when nothing came for the whole window."""
        while self._samples and self._samples[0][0] <= now_s - WINDOW_S:
            self._samples.popleft()
        if not self._samples or self._begun_s is None:
            return 0.0
        full = len(self._samples) == SAMPLES_MAX
        since_s = self._samples[0][0] if full else max(self._begun_s, now_s - WINDOW_S)
        return sum(count for _, count in self._samples) / max(now_s - since_s, 1e-3)


@dataclass(slots=True)
class Copying:
    """One camera, as far as its offload has come."""

    identity: str = ""
    bay: int | None = None
    planned: int = 0
    """Bytes of what will be copied; 0 before it is known."""
    stored: int = 0
    """Bytes of recordings that are stored."""
    given_up: int = 0
    """Bytes of recordings that this offload leaves on the camera."""
    current: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By recording: bytes done, and all of them."""
    state: str = "connecting"
    """What keeps it from going on, or how it ended; "" while bytes come."""
    over: bool = False
    rate: Rate = field(default_factory=Rate)

    @property
    def done(self) -> int:
        """Bytes that are stored, or verified on their way."""
        return min(self.stored + sum(done for done, _ in self.current.values()), self.planned)

    @property
    def coming(self) -> int:
        """Bytes that are still to come, without what will not come in this offload."""
        return 0 if self.over else max(0, self.planned - self.done - self.given_up)


class Board:
    """All cameras of an offload by slot. `now_s` is any clock of seconds."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.now_s = now_s
        self.cameras: dict[str, Copying] = {}

    def tell(self, tagged: CameraEvent) -> None:
        """Takes one event; those that are not about a camera's bytes change nothing."""
        event, one = tagged.event, self.cameras.get(tagged.slot)
        match event:
            case Connected(identity=identity):
                self.cameras[tagged.slot] = Copying(identity, tagged.bay, state="listing")
            case CameraFailed():
                (one or self.cameras.setdefault(tagged.slot, Copying(bay=tagged.bay))).state = "FAILED"
                self.cameras[tagged.slot].over = True
            case BayTroubled():
                self.cameras[tagged.slot] = Copying(bay=tagged.bay, state=str(event.state), over=True)
            case _ if one is None:
                pass  # of a camera that never said who it is, or of the station itself
            case Planned(bytes_total=total):
                one.planned, one.state = total, ""
            case RecordingStarted(entry=entry):
                one.current[entry.sequence] = (0, entry.size_bytes)
            case Resumed(recording=recording, bytes_kept=kept):
                done, total = one.current.get(recording, (0, kept))
                one.current[recording] = (min(done + kept, total), total)
            case Progress(recording=recording, bytes_done=done, bytes_total=total):
                before, _ = one.current.get(recording, (0, total))
                one.rate.add(self.now_s(), done - before)
                one.current[recording] = (done, total)
            case RecordingFinished(outcome=outcome):
                one.current.pop(outcome.entry.sequence, None)
                if isinstance(outcome, StoredVerified):
                    one.stored += outcome.entry.size_bytes
                else:
                    one.given_up += outcome.entry.size_bytes
            case RecordingPostponed(recording=recording):
                one.current.pop(recording, None)  # it begins anew when the others are done
            case ConnectionLost(wait_s=wait_s):
                one.state = f"lost, again in {wait_s:.0f} s"
            case Reconnected():
                one.state = ""
            case Interrupted():
                one.state, one.over = "taken out", True
            case Finished(result=result):
                one.state, one.over = "stored" if result.complete else "NOT complete", True
            case BayJudged(verdict=verdict) if one.over:
                said = "" if verdict is BayVerdict.NONE else f", {verdict}"
                one.state = f"{one.state.partition(', ')[0]}{said}"
            case _:
                pass

    def in_order(self) -> list[tuple[str, Copying]]:
        """By bay, and cameras without one in the order in which they appeared."""
        return sorted(self.cameras.items(), key=lambda item: item[1].bay or 0)

    def planned(self) -> int:
        """Bytes of all cameras together."""
        return sum(one.planned for one in self.cameras.values())

    def done(self) -> int:
        """Of these, what is done."""
        return sum(one.done for one in self.cameras.values())

    def coming(self) -> int:
        """Of these, what is still to come: not of cameras that are gone, nor of what was given up."""
        return sum(one.coming for one in self.cameras.values())

    def per_s(self) -> float:
        """Bytes/s of all cameras together."""
        now_s = self.now_s()
        return sum(one.rate.per_s(now_s) for one in self.cameras.values() if not one.over)
