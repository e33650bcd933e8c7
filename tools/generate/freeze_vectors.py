"""Freezes the vectors of a release: what it says on the wire is what every later version has to go on understanding.

python -m tools.generate.freeze_vectors           freezes those of the newest version, as protocol/vectors/released/1.2
python -m tools.generate.freeze_vectors --check   holds the code to every set that is frozen

Done once a release, before it is tagged (CONTRIBUTING.md, "A release"). A set that is frozen is never changed again:
what comes later is appended by the next minor version, with `since`.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bwc_protocol.versions import NEWEST, Version, dotted
from tools.generate import write_vectors

RELEASED: Final = write_vectors.FOLDER / "released"
ABOUT: Final = "release.json"


class NotFrozen(Exception):
    """The set cannot be frozen, and was not."""


def freeze(folder: Path = RELEASED, version: Version = NEWEST, source: Path = write_vectors.FOLDER) -> Path:
    """Copies the vectors of `source` as those of `version`, with their hashes. Raises `NotFrozen` where a set of that
    version is there, or the vectors are not what the code does."""
    target = folder / dotted(version)
    if target.exists():
        raise NotFrozen(f"{dotted(version)} was released: what comes now is `since` the next minor version")
    texts = {name: (source / name).read_text(encoding="utf-8") for name in write_vectors.RECORDERS}
    if source == write_vectors.FOLDER:
        stale = [name for name, text in texts.items() if text != write_vectors.rendered(name)]
        if stale:
            raise NotFrozen(f"{', '.join(stale)}: stale: run python -m tools.generate.write_vectors")
    target.mkdir(parents=True)
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
    about = {
        "version": dotted(version),
        "sha256": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()},
    }
    (target / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return target


def released(folder: Path = RELEASED) -> list[Path]:
    """The sets that are frozen, the oldest first."""
    return sorted((path.parent for path in folder.glob(f"*/{ABOUT}")), key=version_of)


def version_of(folder: Path) -> Version:
    """Of which version a set is, by its name."""
    major, minor = folder.name.split(".")
    return int(major), int(minor)


def problems(folder: Path) -> Iterator[str]:
    """What of a frozen set no longer holds, a line each; nothing of one that all of today's code keeps to."""
    from tools.testkit.released_declarations import changed_declarations
    from tools.testkit.released_replay import broken_vectors

    version = version_of(folder)
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    files = {}
    for name, sha256 in about["sha256"].items():
        data = (folder / name).read_bytes()
        files[name] = json.loads(data)
        if hashlib.sha256(data).hexdigest() != sha256:
            yield f"{name} was changed after it was frozen"
    if about["version"] != folder.name:
        yield f"it calls itself {about['version']}, and lies in {folder.name}"
    yield from changed_declarations(files, version)
    yield from broken_vectors(files, version)


def main(arguments: list[str]) -> int:
    """Gives the exit code."""
    if arguments == ["--check"]:
        found = [f"{dotted(version_of(one))}: {line}" for one in released() for line in problems(one)]
        print("\n".join(found), end="\n" if found else "", file=sys.stderr)
        return 1 if found else 0
    try:
        print(freeze())
    except NotFrozen as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
