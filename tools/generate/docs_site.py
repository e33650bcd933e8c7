"""Builds the documentation site: pages that read well on their own in the repository, in one place.

    python -m tools.generate.docs_site           into build/docs-site/site; a broken link or reference fails
    python -m tools.generate.docs_site --stage   only puts the pages together, and checks the links between them

The pages stay where their readers look for them, the specification beside its vectors. Here they are copied into one
folder, and their links follow.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
STAGE: Final = ROOT / "build" / "docs-site" / "pages"
ELSEWHERE: Final = {
    "README.md": "about.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "protocol/README.md": "specification.md",
    "hil_tests/README.md": "suite.md",
    "tools/stack/README.md": "stacks.md",
}
"""Pages outside of docs/, and what they are called on the site."""
_LINK: Final = re.compile(r"(?P<image>!?)\[(?P<text>[^\]\n]+)\]\((?P<target>[^)\s]+)\)")
_FENCE: Final = re.compile(r"^(```.*?^```[ \t]*$)", re.DOTALL | re.MULTILINE)


def pages() -> dict[str, str]:
    """Every page of the site: its path in the repository, and its path on the site."""
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    return {path: path.removeprefix("docs/") for path in sorted(ours)} | ELSEWHERE


def moved(text: str, page: str, site: dict[str, str]) -> str:
    """The text of a page with its links as the site needs them. Raises `LookupError` for one that leads nowhere."""

    def link(found: re.Match[str]) -> str:
        target, hash_, anchor = found["target"].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        there = site.get(path) or (path.removeprefix("docs/") if found["image"] else "")
        if not (ROOT / path).exists():
            raise LookupError(f"{page}: there is no {path}")
        if not there:
            return found["text"] if found["text"].startswith("`") else f"{found['text']} (`{path}`)"
        new = posixpath.relpath(there, posixpath.dirname(site[page]) or ".")
        return f"{found['image']}[{found['text']}]({new}{hash_}{anchor})"

    pieces = _FENCE.split(text)
    return "".join(piece if n % 2 else _LINK.sub(link, piece) for n, piece in enumerate(pieces))


def stage() -> None:
    """Copies pages and pictures together."""
    site = pages()
    shutil.rmtree(STAGE, ignore_errors=True)
    for source, target in site.items():
        path = STAGE / target
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / source).read_text(encoding="utf-8")
        path.write_text(moved(text, source, site), encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "pictures", STAGE / "pictures")


def main() -> int:
    """Builds the site."""
    try:
        stage()
    except LookupError as error:
        sys.exit(f"docs_site: {error.args[0]}")
    if "--stage" in sys.argv[1:]:
        return 0
    done = subprocess.run(
        [Path(sys.executable).parent / "zensical", "build", "--strict", "--clean"], cwd=ROOT
    )
    if done.returncode == 0:
        print(f"docs_site: {STAGE.parent / 'site' / 'index.html'}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
