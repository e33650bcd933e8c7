"""A bay in which there is a camera, and nobody to talk to."""

from __future__ import annotations

from bwc_protocol.messages.station import BayState, BayStatus
from bwc_sdk.connection.link_driver import device_name
from bwc_sdk.errors import PortNotFound
from bwc_sdk.transport import Transport


def why_closed(transport: Transport, bay: BayStatus) -> PortNotFound | None:
    """The error for a camera in quarantine; None for a bay that may be asked. `transport` is the station's."""
    if not bay.present or bay.state is not BayState.QUARANTINE:
        return None
    return PortNotFound(
        f"bay {bay.bay} is in quarantine, and switched off",
        device=device_name(transport, bay.bay),
        advice=f"somebody has to look at what is in it; 'bwc station bay {bay.bay}' tells the incident, and "
        f"'bwc station bay {bay.bay} release INCIDENT' ends it",
    )
