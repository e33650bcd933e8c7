"""The link: channels, which are small reliable byte streams, over a pipe that loses and damages (spec: Link)."""

from bwc_protocol.frame import ByeReason, ResetReason
from bwc_protocol.link.channels import Standing
from bwc_protocol.link.counters import ChannelCounters, LinkCounters
from bwc_protocol.link.events import (
    ChannelData,
    ChannelOpened,
    ChannelReset,
    LinkDown,
    LinkDownReason,
    LinkEvent,
    LinkState,
    LinkStateError,
    LinkUp,
)
from bwc_protocol.link.gate import DeviceGate
from bwc_protocol.link.machine import Link
from bwc_protocol.link.params import LinkParams, LinkRole
from bwc_protocol.link.refused import DiscardReason, RefusedFrame

__all__ = [
    "ByeReason",
    "ChannelCounters",
    "ChannelData",
    "ChannelOpened",
    "ChannelReset",
    "DeviceGate",
    "DiscardReason",
    "Link",
    "LinkCounters",
    "LinkDown",
    "LinkDownReason",
    "LinkEvent",
    "LinkParams",
    "LinkRole",
    "LinkState",
    "LinkStateError",
    "LinkUp",
    "RefusedFrame",
    "ResetReason",
    "Standing",
]
