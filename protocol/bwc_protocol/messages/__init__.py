"""Every declared message. Importing this package fills `COMMANDS`, `EVENTS` and `CONTROLS`."""

from bwc_protocol.messages import (
    assignment,
    audit,
    battery,
    clock,
    config,
    core,
    identity,
    recordings,
    station,
    storage,
)

SUBJECTS = (
    identity.Device,
    battery.Battery,
    storage.Storage,
    clock.Clock,
    config.Config,
    recordings.Recordings,
    assignment.Assignment,
    audit.Audit,
    station.Station,
)

__all__ = [
    "SUBJECTS",
    "assignment",
    "audit",
    "battery",
    "clock",
    "config",
    "core",
    "identity",
    "recordings",
    "station",
    "storage",
]
