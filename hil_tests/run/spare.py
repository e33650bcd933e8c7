"""A simulator beside the one under test, for what cannot be taken back. Imports nothing of the SDK at first."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.run.under_test import UnderTest
from hil_tests.verdicts import not_tested

if TYPE_CHECKING:
    from hil_tests.raw.wire import Wire

NOT_KEPT: Final = ("state", "recordings", "mib", "bay")
"""Options of the device under test that the spare one has not: it is new, and empty."""
FOR_GOOD: Final = "it leaves on a device what nobody takes back, and so takes a simulator of this process"


@pytest.fixture
def spare_wire(request: pytest.FixtureRequest, bwc_under_test: UnderTest) -> Iterator[Wire]:
    """The way to a new device like the one under test, which nobody uses afterwards."""
    yield from _wire(request, bwc_under_test, {})


@pytest.fixture
def failing_wire(request: pytest.FixtureRequest, bwc_under_test: UnderTest) -> Iterator[Wire]:
    """For a test that makes a handshake fail: to a new simulator like the one under test, which has not made any fail;
    where that is none of this process, to the device itself, which may let the next one wait (TRU-009)."""
    if _is_simulated_here(bwc_under_test):
        yield from _wire(request, bwc_under_test, {}, reads_only=True)
    else:
        yield request.getfixturevalue("wire")


@pytest.fixture
def new_wire(request: pytest.FixtureRequest, bwc_under_test: UnderTest) -> Iterator[Wire]:
    """The same to one that leaves its factory, and belongs to nobody."""
    yield from _wire(request, bwc_under_test, {"enrolled": "0"})


def _is_simulated_here(device: UnderTest) -> bool:
    from bwc_sdk.transport.uri import DeviceUri

    uri = DeviceUri.parse(device.uri)
    return uri.scheme == "sim" and not uri.bay


def _wire(
    request: pytest.FixtureRequest, device: UnderTest, more: dict[str, str], *, reads_only: bool = False
) -> Iterator[Wire]:
    from bwc_protocol.declare import Role
    from bwc_sdk.transport.uri import DeviceUri
    from hil_tests.raw.transcript import TRANSCRIPT, Transcript
    from hil_tests.raw.wire import Wire

    uri = DeviceUri.parse(device.uri)
    if not _is_simulated_here(device):
        not_tested(FOR_GOOD)
    options = {key: value for key, value in uri.options.items() if key not in NOT_KEPT}
    spare = DeviceUri("sim", "", options | {"seed": str(secrets.randbelow(2**32)), "recordings": "0"} | more)
    transcript = request.node.stash[TRANSCRIPT] = Transcript()
    wire = Wire(
        str(spare),
        identities=device.identity,
        insecure=device.insecure,
        role=Role.AUDITOR if reads_only else Role.BENCH,
        transcript=transcript,
    )
    yield wire
    wire.close()
