"""One whole exchange between a host and a device, frame by frame, in virtual time and the same in every run."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from bwc_protocol.conversation import Closed, Established, ReplyReceived, RequestReceived
from bwc_protocol.endpoint import Endpoint, OnChannel
from bwc_protocol.frame import Frame, FrameParser
from bwc_protocol.link import Link, LinkDown, LinkParams, LinkRole, LinkUp
from bwc_protocol.messages.battery import BatteryStatus, ChargeState, ReadBattery
from tools.testkit.pair import device_end, host_end

HOST_NONCE: Final = 0x1122_3344
LINK_NONCE: Final = 0x5566_7788
LATENCY_S: Final = 0.001
END_S: Final = 10.0
STATUS: Final = BatteryStatus(
    charge_pct=83,
    state=ChargeState.DISCHARGING,
    voltage_mv=3912,
    current_ma=-412,
    temperature_dc=287,
    cycles=118,
    health_pct=94,
    time_left_s=21_300,
)


@dataclass(frozen=True, slots=True)
class Passed:
    """One frame on the pipe."""

    at_s: float
    from_host: bool
    frame: Frame
    raw: bytes


class Exchange:
    """HELLO, session, one `battery.status`, and the orderly end."""

    def __init__(self) -> None:
        params = LinkParams(max_payload=1024)
        self.passed: list[Passed] = []
        self._now = 0.0
        self._host = Endpoint(Link(LinkRole.HOST, params, nonce=lambda: HOST_NONCE), lambda _: host_end())
        self._device = Endpoint(
            Link(LinkRole.DEVICE, params, nonce=lambda: LINK_NONCE), lambda _: device_end()
        )
        self._pipe: deque[tuple[float, bool, bytes]] = deque()
        self._parsers = {True: FrameParser(1024), False: FrameParser(1024)}

    def run(self) -> list[Passed]:
        """Runs to the end of the link and gives every frame."""
        self._host.open(self._now)
        over = False
        while not over and self._now < END_S:
            over = self._act()
            self._pump()
            self._wait()
        return self.passed

    def _pump(self) -> None:
        for end, from_host in ((self._host, True), (self._device, False)):
            for raw in _frames(end.outgoing(self._now, 1 << 20)):
                (frame,) = self._parsers[from_host].feed(raw, self._now)
                self.passed.append(Passed(self._now, from_host, frame, raw))
                self._pipe.append((self._now + LATENCY_S, from_host, raw))

    def _act(self) -> bool:
        over = False
        for event in self._device.events():
            if isinstance(event, OnChannel) and isinstance(event.event, RequestReceived):
                self._device.conversations[0].reply(event.event.request_id, STATUS)
        for event in self._host.events():
            match event:
                case LinkUp():
                    self._host.open_channel(0, self._now)
                case OnChannel(event=Established()):
                    self._host.conversations[0].request(ReadBattery(cell=0))
                case OnChannel(event=ReplyReceived()):
                    self._host.conversations[0].close()
                case OnChannel(event=Closed()):
                    self._host.close(self._now)  # with the link ends its channel: no RESET is needed
                case LinkDown():
                    over = True
        return over

    def _wait(self) -> None:
        times = [t for t in (self._host.deadline(), self._device.deadline()) if t is not None]
        times += [at for at, _, _ in self._pipe]
        self._now = max(self._now, min(times, default=END_S))
        while self._pipe and self._pipe[0][0] <= self._now:
            _, from_host, raw = self._pipe.popleft()
            (self._device if from_host else self._host).receive(raw, self._now)
        for end in (self._host, self._device):
            due = end.deadline()
            if due is not None and due <= self._now:
                end.tick(self._now)


def _frames(parts: list[bytes]) -> list[bytes]:
    """Whole frames, however the link hands out their parts."""
    data = b"".join(parts)
    found = []
    while data:
        length = int.from_bytes(data[14:16], "little")
        size = 24 + (length + 4 if length else 0)
        found.append(data[:size])
        data = data[size:]
    return found
