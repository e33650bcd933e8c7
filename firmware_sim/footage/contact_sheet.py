"""A contact sheet of MP4 files: a few frames of each, side by side, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

FRAMES: Final = 4
"""Frames of each file: begin, end, and two between."""
WIDTH: Final = 320
"""Pixels of one frame across."""
CAPTION: Final = 22
GAP: Final = 6


def contact_sheet(files: Sequence[Path], target: Path) -> None:
    """Writes `target` (PNG) with one row a file and its name below. Raises `ValueError` without files."""
    from PIL import Image, ImageDraw, ImageFont

    rows = [_frames(path) for path in files]
    if not rows:
        raise ValueError("a contact sheet needs at least one file")
    height = max(frame.height for row in rows for frame in row)
    cell = (WIDTH + GAP, height + CAPTION + GAP)
    sheet = Image.new("RGB", (FRAMES * cell[0] + GAP, len(rows) * cell[1] + GAP), (24, 26, 30))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for y, (path, row) in enumerate(zip(files, rows, strict=True)):
        top = GAP + y * cell[1]
        for x, frame in enumerate(row):
            sheet.paste(frame, (GAP + x * cell[0], top))
        draw.text((GAP + 2, top + height + 3), path.name, fill=(200, 204, 210), font=font)
    sheet.save(target)


def _frames(path: Path) -> list[Image]:
    """Up to `FRAMES` pictures, spread evenly over the file."""
    import av

    with av.open(str(path)) as container:
        pictures = [frame.to_image() for frame in container.decode(video=0)]  # type: ignore[no-untyped-call]  # PyAV's own
    step = max(1, (len(pictures) - 1) // max(1, FRAMES - 1))
    chosen = pictures[::step][:FRAMES]
    return [p.resize((WIDTH, round(p.height * WIDTH / p.width))) for p in chosen]
