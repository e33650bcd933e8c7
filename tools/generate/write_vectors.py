"""Writes `protocol/vectors/*.json`: golden vectors for implementations in any language (spec: Vectors).

python -m tools.generate.write_vectors           writes them
python -m tools.generate.write_vectors --check   fails when they differ from what the code does

A change of a file that is not an addition breaks every other implementation: look at the difference.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tools.generate.vectors import behaviour, documents, evidence, frames, messages, recording, session

FOLDER: Final = Path(__file__).parents[2] / "protocol" / "vectors"
FORMAT: Final = 1
"""Raised when a reader of the files has to change; additions do not raise it."""
RECORDERS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "frames.json": frames.record,
    "messages.json": messages.record,
    "session.json": session.record,
    "recording.json": recording.record,
    "documents.json": documents.record,
    "evidence.json": evidence.record,
    "behaviour.json": behaviour.record,
}


def rendered(name: str) -> str:
    """The text of one file."""
    return json.dumps({"format": FORMAT, **RECORDERS[name]()}, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Gives the exit code."""
    stale = 0
    FOLDER.mkdir(exist_ok=True)
    for name in RECORDERS:
        path, text = FOLDER / name, rendered(name)
        if arguments == ["--check"]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"{path} is stale: run python -m tools.generate.write_vectors", file=sys.stderr)
                stale = 1
        else:
            path.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
