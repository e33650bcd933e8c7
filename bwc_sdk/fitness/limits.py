"""What a shift asks of a camera."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from bwc_sdk.clients.configuration import Value


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody of the roster."""

    training_until: datetime.date | None
    """The last day for which his or her training counts; None: the roster does not say."""
    ended: datetime.date | None = None
    """Since when he or she is no part of it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one check of cameras."""

    hours: float = 10.0
    """Recording that battery and storage have to be good for: what Illinois asks of a camera."""
    hours_when_new: float = 13.0
    """What a full cell records for when it is new. A camera states its charge and health, and not this."""
    clock_off_s: float = 5.0
    """How far the clock may be off: as far as a person who compares clocks can tell."""
    certificate_days: int = 7
    """Days that its certificate has to be good for: a shift, and the days until it is docked again."""
    assigned: bool = True
    """Whether somebody has to be named who carries it."""
    profile: Mapping[str, Value] | None = None
    """Settings that it has to have, by key; None: none is asked for."""
    officers: Mapping[str, Officer] | None = None
    """Who may carry a camera, by the agency's identifier; None: nobody says."""
