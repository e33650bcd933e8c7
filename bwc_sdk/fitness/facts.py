"""What a camera says of itself when it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bwc_protocol.messages.assignment import AssignmentState
from bwc_protocol.messages.battery import BatteryStatus
from bwc_protocol.messages.clock import ClockReading
from bwc_protocol.messages.identity import DeviceStatus, SelfTestReport
from bwc_protocol.messages.storage import StorageStatus
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.clients.configuration import Value
from bwc_sdk.clients.waiting_settings import Waiting
from bwc_sdk.errors import BwcError
from bwc_sdk.host.host_time import HostTime

Said = BwcError
"""Why a camera does not say something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The answers of one camera; in place of one that it did not give, why."""

    identity: str
    utc_s: float
    """When it was asked, by the host's clock."""
    host_time: HostTime
    """What was known of the host's clock then."""
    battery: BatteryStatus | Said
    storage: StorageStatus | Said
    status: DeviceStatus | Said
    clock: ClockReading | Said
    offset: Measurement | Said
    """How far its clock is off the host's."""
    assignment: AssignmentState | Said
    settings: Mapping[str, Value] | Said
    """Those in effect."""
    self_test: SelfTestReport | Said | None
    """None: it was not asked for one."""
    waiting: tuple[Waiting, ...] | Said = ()
    """Settings that were applied and are not in effect yet."""
    certificate_days: int | None
    """Whole days until its certificate ends, negative when it has; None: it has none, or one without an end."""
