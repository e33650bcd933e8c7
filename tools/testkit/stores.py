"""What lies in a store, for tests of whoever wrote it."""

import json
from pathlib import Path
from typing import Any


def camera_clocks(store: Path) -> list[Any]:
    """What each custody record says that was measured of its camera's clock."""
    return [json.loads(path.read_bytes())["camera_clock"] for path in sorted(store.glob("*.custody.json"))]
