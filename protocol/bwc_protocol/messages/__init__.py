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
    "storage",
]
