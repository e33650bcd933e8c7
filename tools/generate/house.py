"""Draws the house in CONTRIBUTING.md, its rooms and the arrows between them, as the imports of the code are.

python -m tools.generate.house           draws it
python -m tools.generate.house --check   fails when the picture is stale, or files import each other in a circle
"""

import ast
import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import grimp

PACKAGES: Final = ("bwc_protocol", "bwc_sdk", "firmware_sim", "hil_tests")
PAGE: Final = Path(__file__).parents[2] / "CONTRIBUTING.md"
BEGIN: Final = "<!-- drawn by tools.generate.house -->"
END: Final = "<!-- until here -->"

Arrows = Mapping[str, set[str]]
"""Who imports whom: by file, or by room."""


def imports() -> Arrows:
    """The imports between all files, those inside functions and those for types included."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def circle(arrows: Arrows) -> list[str]:
    """Files that import each other in a circle, in their order; none: there is no such circle."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return []


def room(module: str) -> str:
    """The room in which a file lies: a folder of its package, or a file beside those."""
    return ".".join(module.split(".")[:2])


def between_rooms(arrows: Arrows) -> dict[str, set[str]]:
    """Which room imports which, within one package."""
    rooms: dict[str, set[str]] = {}
    for module, imported in arrows.items():
        here = rooms.setdefault(room(module), set())
        here |= {room(other) for other in imported if other.split(".")[0] == module.split(".")[0]}
    for name, here in rooms.items():
        here -= {name, name.split(".")[0]}
    return {name: here for name, here in rooms.items() if "." in name}


def without_detours(arrows: Arrows) -> dict[str, set[str]]:
    """Only the arrows that no longer way implies: what is left can be read."""
    reach: dict[str, set[str]] = {}
    for name in TopologicalSorter(arrows).static_order():
        below = arrows.get(name, set())
        reach[name] = below.union(*(reach[other] for other in below))
    return {
        name: below - set[str]().union(*(reach[other] for other in below)) for name, below in arrows.items()
    }


def purpose(name: str) -> str:
    """The first sentence of what a room says of itself."""
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    said = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    if not said:
        raise ValueError(f"{name} has no docstring: what lives there?")
    first = said.split("\n\n")[0].replace("\n", " ").partition(". ")[0]
    return first.removesuffix(".").partition(" (spec: ")[0].partition(" (docs/")[0]


def node(name: str) -> str:
    """A room in the picture."""
    return name.replace(".", "__")


def picture(arrows: Arrows) -> str:
    """The part of the page that is drawn: one picture, and what lives in each room."""
    rooms = between_rooms(arrows)
    shown = without_detours(rooms)
    lines = ["```mermaid", "flowchart TD"]
    for package in PACKAGES[:-1]:
        lines.append(f"  subgraph {package}")
        for name in sorted(rooms):
            if name.startswith(f"{package}."):
                lines.append(f"    {node(name)}[{name.partition('.')[2]}]")
        lines.append("  end")
    for name in sorted(shown):
        if name.split(".")[0] in PACKAGES[:-1]:
            lines += [f"  {node(name)} --> {node(other)}" for other in sorted(shown[name])]
    lines += ["  hil_tests --> bwc_sdk & firmware_sim", "  bwc_sdk & firmware_sim --> bwc_protocol", "```"]
    for package in PACKAGES:
        lines += ["", f"| `{package}` | what lives there |", "|---|---|"]
        named = [name for name in order(rooms) if name.startswith(f"{package}.") and ".test_" not in name]
        lines += [f"| `{name.partition('.')[2]}` | {purpose(name)} |" for name in named]
    return "\n".join(lines)


def order(arrows: Arrows) -> list[str]:
    """From the top of the house to its foundation; what stands beside each other by name."""
    sorter = TopologicalSorter(arrows)
    sorter.prepare()
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), reverse=True)
        found += ready
        sorter.done(*ready)
    return found[::-1]


def drawn(page: str, arrows: Arrows) -> str:
    """The page with the picture as it has to be."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    if not tail:
        raise ValueError(f"{PAGE.name} has no place for the picture")
    return f"{head}{BEGIN}\n\n{picture(arrows)}\n\n{END}{tail}"


def main(argv: list[str]) -> int:
    """Draws or checks."""
    arrows = imports()
    found = circle(arrows)
    if found:
        print(f"files import each other in a circle: {' → '.join(found)}", file=sys.stderr)
        return 1
    before = PAGE.read_text(encoding="utf-8")
    after = drawn(before, arrows)
    if "--check" in argv:
        if before != after:
            print(
                "the house in CONTRIBUTING.md is stale: run python -m tools.generate.house", file=sys.stderr
            )
        return int(before != after)
    PAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
