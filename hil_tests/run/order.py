"""In which order tests run on a device: by a seed, which the run tells, between those whose place is given.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

import pytest

from hil_tests.run.running import ON_THE_WIRE, READ_ONLY, device_name, is_on_device
from hil_tests.run.under_test import DEVICES, has_environment

DESTROYS: Final = "bwc_destroys"
FAILS_A_HANDSHAKE: Final = "bwc_fails_a_handshake"
AS_WRITTEN: Final = 0
"""The seed of no order but that of the files."""
NAME_A_DEVICE: Final = ("--bwc-device", "--bwc-bench")
SEEDS: Final = 1_000_000
"""As many orders can be drawn: a number that somebody types again."""
SEED: Final = pytest.StashKey[int]()
"""The seed of this session."""
SENT: Final = "bwc_seed"
"""What workers of pytest-xdist are sent it as."""


def add_options(group: pytest.OptionGroup) -> None:
    """The option by which an order comes again."""
    group.addoption(
        "--bwc-seed",
        metavar="N",
        type=int,
        default=None,
        help="the order of the tests, as an earlier run told it; 0: as they are written (default: any, and as they are "
        "written where none of --bwc-device, --bwc-bench and --lg-env names a device)",
    )


def draw_seed(config: pytest.Config) -> None:
    """Settles the seed of this session. Raises `UsageError` for one that is none."""
    seed: int | None = getattr(config, "workerinput", {}).get(SENT, config.getoption("--bwc-seed"))
    if seed is None:
        named = has_environment(config) or any(config.getoption(one) is not None for one in NAME_A_DEVICE)
        seed = 1 + secrets.randbelow(SEEDS - 1) if named else AS_WRITTEN
    if seed < 0:
        raise pytest.UsageError(f"--bwc-seed {seed} is no seed: take the number that a run told, or 0")
    config.stash[SEED] = seed


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Workers of pytest-xdist all have the same order."""
    node.workerinput[SENT] = node.config.stash[SEED]


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tells the seed before the first test: of a run that is killed it is known."""
    seed = config.stash[SEED]
    return None if seed == AS_WRITTEN else f"bwc: order of the tests on a device by --bwc-seed {seed}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Orders the tests on devices among each other; all others keep their places."""
    ours = [item for item in items if is_on_device(item)]
    names = [*config.stash[DEVICES]]
    ordered = iter(
        [
            item
            for name in [*names, None]
            for item in in_order([one for one in ours if device_name(one) == name], config.stash[SEED])
        ]
    )
    items[:] = [next(ordered) if is_on_device(item) else item for item in items]


def in_order(items: list[pytest.Item], seed: int) -> list[pytest.Item]:
    """The tests of one device in the order of a seed, in which any of them come in the same order without the others.

    What makes a factory-new device one of the lab comes before what needs one, and what destroys after all else. What
    needs only the wire comes before what the SDK has to connect for: of a device whose link is so wrong that it cannot,
    the report says at least why.

    Handshakes that fail come between the others, since a device lets each wait for 10 s, once there were five.
    """
    if seed != AS_WRITTEN:
        items = sorted(items, key=lambda item: _drawn(item, seed))
    failing = [item for item in items if _fails(item) and not _fails(item, many=True)]
    spread = [item for item in items if not _fails(item) or _fails(item, many=True)]
    for at, item in enumerate(failing):
        spread.insert((at + 1) * (len(spread) + 1) // (len(failing) + 1), item)
    return sorted(
        spread,
        key=lambda item: (
            "bwc_factory_new" not in getattr(item, "fixturenames", ()),
            item.get_closest_marker(DESTROYS) is not None,
            _fails(item, many=True),
            _needs_the_bench(item),
        ),
    )


def _drawn(item: pytest.Item, seed: int) -> bytes:
    """By the test alone, wherever the suite is installed, and not by how many there are."""
    test = "::".join([item.path.name, *item.nodeid.split("::")[1:]])
    return hashlib.sha256(f"{seed} {test}".encode()).digest()


def _fails(item: pytest.Item, *, many: bool = False) -> bool:
    """Whether a test makes a handshake fail; or `many`, after which a device takes none for a while."""
    mark = item.get_closest_marker(FAILS_A_HANDSHAKE)
    return mark is not None and (not many or bool(mark.kwargs.get("many", False)))


def _needs_the_bench(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    by_the_wire_alone = not ON_THE_WIRE.isdisjoint(fixtures) and "bwc_bench" not in fixtures
    return not (by_the_wire_alone and item.get_closest_marker(READ_ONLY))
