"""The code points that no text has (spec: Field types). By `python -m tools.generate.code_points`.

Those of the categories Cc, Cf, Cs, Zl, Zp in Unicode 14.0.0, frozen: whatever Unicode an interpreter or a
firmware knows, both ends refuse the same.
"""

from typing import Final

UNICODE: Final = "14.0.0"
RANGES: Final = (
    (0x0000, 0x001F),
    (0x007F, 0x009F),
    (0x00AD, 0x00AD),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x180E, 0x180E),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x2064),
    (0x2066, 0x206F),
    (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x13438),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0001, 0xE0001),
    (0xE0020, 0xE007F),
)
"""First and last of each run."""
FORBIDDEN: Final = frozenset(chr(point) for first, last in RANGES for point in range(first, last + 1))
