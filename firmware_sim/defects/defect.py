"""What a defect is, and how it gets into a camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware_sim.camera.camera import SimCamera


@dataclass(frozen=True, slots=True)
class Defect:
    """One way to break one rule. Everything else is as it should be."""

    name: str
    rule: str
    """The number of the rule that it breaks."""
    what: str
    """What such a device does, in a sentence without its subject."""
    into: Callable[[SimCamera], None]
    """Puts it into a camera."""
