"""Generated files of a folder: written, or held against what would be written."""

import sys
from collections.abc import Mapping
from pathlib import Path


def write_or_check(name: str, folder: Path, files: Mapping[str, str]) -> int:
    """The status of a generator of that name, whose `files` are text by path below `folder`; with `--check` on the
    command line nothing is written, and 1 says that one of them is not what it would be."""
    stale = []
    for file, text in files.items():
        path = folder / file
        if "--check" in sys.argv[1:]:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                stale.append(file)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{name}: not up to date: {', '.join(stale)}; 'make docs' writes them")
    return 1 if stale else 0
