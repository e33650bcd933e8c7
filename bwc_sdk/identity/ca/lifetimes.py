"""How long certificates last. In days; a day is 86,400 s."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

DAY_S: Final = 86_400
ROOT_DAYS: Final = 25 * 365
"""As long as an agency: a root that ends takes every enrolment with it."""
ISSUING_DAYS: Final = 10 * 365
"""Made anew from the root when less is left of it than a device's certificate should last."""
HOST_DAYS: Final = 365
"""A host is renewed by whoever keeps it; what was stolen unseen ends by itself."""
RECIPIENT_DAYS: Final = 10 * 365
"""Evidence is kept for years, and so is the key that opens it."""
DEVICE_DAYS: Final = 730
"""A camera that nobody docks for a year still has a certificate that its docks take for good."""
STAGGER_PCT: Final = 25
"""How much shorter a device's certificate may be, by chance: a fleet that was enrolled in one week is not renewed in
one."""
DAYS_MAX: Final = 10 * 365
BACKDATED_S: Final = 3_600
"""A host whose clock is a little behind takes a new certificate for good."""


def staggered(days: int, entropy: Callable[[int], bytes]) -> int:
    """Seconds that a device's certificate lasts: `days`, less a part that chance decides."""
    whole_s = days * DAY_S
    return whole_s - whole_s * STAGGER_PCT * int.from_bytes(entropy(4)) // (100 << 32)
