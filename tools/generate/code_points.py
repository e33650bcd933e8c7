"""Writes the code points that no text has: by Unicode category, in one frozen version (spec: Field types).

python -m tools.generate.code_points           writes them; only a Python with just that version of Unicode can
python -m tools.generate.code_points --check   fails when the file is not what such a Python writes

The list is frozen, since a newer version of Unicode would have one end refuse what the other sends.
"""

import sys
import unicodedata
from itertools import groupby
from pathlib import Path
from typing import Final

UNICODE: Final = "14.0.0"
CATEGORIES: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
FILE: Final = Path(__file__).parents[2] / "protocol" / "bwc_protocol" / "declare" / "forbidden_code_points.py"
_HEAD: Final = f'''"""The code points that no text has (spec: Field types). By `python -m tools.generate.code_points`.

Those of the categories {", ".join(CATEGORIES)} in Unicode {UNICODE}, frozen: whatever Unicode an interpreter or a
firmware knows, both ends refuse the same.
"""

from typing import Final

UNICODE: Final = "{UNICODE}"
RANGES: Final = (
'''
_TAIL: Final = '''"""First and last of each run."""
FORBIDDEN: Final = frozenset(chr(point) for first, last in RANGES for point in range(first, last + 1))
'''


def ranges() -> list[tuple[int, int]]:
    """First and last of each run, by the Unicode of this interpreter."""
    points = [point for point in range(0x11_0000) if unicodedata.category(chr(point)) in CATEGORIES]
    runs = [[point for _, point in run] for _, run in groupby(enumerate(points), lambda p: p[1] - p[0])]
    return [(run[0], run[-1]) for run in runs]


def rendered() -> str:
    """The text of the file."""
    return _HEAD + "".join(f"    (0x{a:04X}, 0x{b:04X}),\n" for a, b in ranges()) + ")\n" + _TAIL


def main(arguments: list[str]) -> int:
    """Gives the exit code."""
    if unicodedata.unidata_version != UNICODE:
        print(f"this Python has Unicode {unicodedata.unidata_version}, not {UNICODE}", file=sys.stderr)
        return 1
    if arguments == ["--check"]:
        return int(FILE.read_text(encoding="utf-8") != rendered())
    FILE.write_text(rendered(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
