"""What a link is reported once, with the reason for each default (spec: Parameters)."""

import enum
from dataclasses import dataclass

from bwc_protocol.frame import LINK_VERSION, MAX_CHANNEL, MAX_PAYLOAD, MAX_WINDOW, MIN_PAYLOAD


class LinkRole(enum.Enum):
    """Who opened the pipe is the host; a device never speaks first."""

    HOST = "host"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkParams:
    """Limits and timers of one end. Raises `ValueError` for what no link could work with."""

    max_payload: int = MAX_PAYLOAD
    """Bytes of payload in the largest frame that is offered; the smaller offer of both sides holds."""
    max_window: int = MAX_WINDOW
    """Frames in flight on a channel; the smaller offer of both sides holds."""
    channels: int = 1
    """Device: channels 0 to `channels` - 1 exist; an opening of another gets RESET(NO_DEVICE)."""
    lowest_version: int = LINK_VERSION
    highest_version: int = LINK_VERSION

    hello_every_s: float = 0.25
    """Longer than most round trips, and short enough that a device that boots is found soon."""
    hello_for_s: float = 5.0
    """A port that stays silent for so long has no device that speaks this protocol."""
    connect_within_s: float = 15.0
    """Bound of the whole connect, whatever the peer answers."""
    ping_after_s: float = 1.0
    """Silence after which the peer is asked for a sign of life; an unplug then shows within seconds."""
    dead_after_s: float = 5.0
    """Silence that ends the link: four lost PINGs. 10 s on BLE, which pauses for longer."""

    channel_budget: int = 2_097_152
    """Receive buffer of channel 0 in bytes: 10 ms at 200 MB/s, and bounds the memory of a link."""
    bay_budget: int = 524_288
    """The same of each bay: sixty-four of them together stay under 32 MiB."""
    send_max: int = 8_388_608
    """Bytes that may wait and be in flight on a channel; beyond it RESET(OVERFLOW). Four times the window: only a
    peer that asks without reading its answers gets there."""

    ack_every: int = 8
    """Frames that share one acknowledgement: a quarter of the window, so that the sender never waits for it."""
    ack_after_s: float = 0.005
    """Wait for company, far below the timer's floor."""
    timer_floor_s: float = 0.02
    """Shortest retransmission timer: above `ack_after_s` and the pauses of a busy peer."""
    timer_initial_s: float = 0.25
    """Timer before anything was measured: longer than a round trip over any supported transport."""
    timer_max_s: float = 2.0
    """Where doubling of the timer ends: a link that comes back is used again within this time."""
    retries: int = 15
    """Expiries of the timer in a row before RESET(TIMEOUT): about 18 s at the floor; at a loss of 20 % each way it
    happens to one frame in ten million."""
    probe_max_s: float = 1.0
    """Longest interval of PINGs into a closed window: a lost reopening costs no more."""
    reset_retries: int = 30
    """Repetitions of a RESET that a live peer leaves unanswered, about 30 s; then the link ends: that peer does not
    follow the protocol."""
    bye_every_s: float = 1.0
    """At most one BYE(UNKNOWN_LINK) in this time, so that two confused ends do not fill the pipe."""
    initial_rate: float = 8_192.0
    """Bytes a second, until measured: below a UART at 115,200 baud. With a guess above the truth a first large frame is
    sent twice, and such frames measure nothing; a fast link is found out in a few round trips."""

    def __post_init__(self) -> None:
        if not MIN_PAYLOAD <= self.max_payload <= MAX_PAYLOAD:
            raise ValueError(f"max_payload is {self.max_payload}, not {MIN_PAYLOAD} to {MAX_PAYLOAD}")
        if not 1 <= self.max_window <= MAX_WINDOW:
            raise ValueError(f"max_window is {self.max_window}, not 1 to {MAX_WINDOW}")
        if not 0 <= self.channels <= MAX_CHANNEL + 1:
            raise ValueError(f"channels is {self.channels}, not 0 to {MAX_CHANNEL + 1}")
        if not 1 <= self.lowest_version <= self.highest_version <= 15:
            raise ValueError(f"versions {self.lowest_version} to {self.highest_version}: not within 1 to 15")
        if not self.initial_rate > 0:
            raise ValueError("initial_rate is not positive")

    def slots(self, channel: int, max_payload: int, window: int) -> int:
        """Frames that `channel` takes at once: slots × frame stay within its budget."""
        budget = self.bay_budget if channel else self.channel_budget
        return max(1, min(window, budget // max_payload))
