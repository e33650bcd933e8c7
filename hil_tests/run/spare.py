"""A simulator beside the one under test, for what cannot be taken back. Imports nothing of the SDK at first."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.run.under_test import UnderTest
from hil_tests.verdicts import not_tested

if TYPE_CHECKING:
    from bwc_sdk.transport.uri import DeviceUri
    from hil_tests.raw.wire import Wire

NOT_KEPT: Final = ("state", "recordings", "mib", "bay")
"""Options of the device under test that the spare one has not: it is new, and empty."""
FOR_GOOD: Final = "it leaves on a device what nobody takes back, and so takes a simulator of this process"


@pytest.fixture
def spare_wire(request: pytest.FixtureRequest, bwc_under_test: UnderTest) -> Iterator[Wire]:
    """The way to a new device like the one under test, which nobody uses afterwards."""
    _need_a_simulator_of_this_process(bwc_under_test)
    yield from _wire(request, bwc_under_test, {})


@pytest.fixture
def failing_wire(request: pytest.FixtureRequest, bwc_under_test: UnderTest) -> Iterator[Wire]:
    """For a test that makes a handshake fail: to a new simulator like the one under test, which has not made any fail;
    where that is none of this process, or an agency's, to the device itself, which may let the next one wait
    (TRU-009)."""
    uri = _uri_of(bwc_under_test)
    if uri.scheme == "sim" and bwc_under_test.identity is None:  # a new one is of this host's lab
        bay = {"bay": str(uri.bay)} if uri.bay else {}
        yield from _wire(request, bwc_under_test, bay, reads_only=True)
    else:
        yield request.getfixturevalue("wire")


@pytest.fixture
def new_wire(request: pytest.FixtureRequest, bwc_under_test: UnderTest) -> Iterator[Wire]:
    """The same to one that leaves its factory, and belongs to nobody."""
    _need_a_simulator_of_this_process(bwc_under_test)
    yield from _wire(request, bwc_under_test, {"enrolled": "0"})


def _need_a_simulator_of_this_process(device: UnderTest) -> None:
    """Skips without one; for a camera in a bay as well, since nobody presses its buttons there."""
    uri = _uri_of(device)
    if uri.scheme != "sim" or uri.bay:
        not_tested(FOR_GOOD)


def _uri_of(device: UnderTest) -> DeviceUri:
    from bwc_sdk.transport.uri import DeviceUri

    return DeviceUri.parse(device.uri)


def _wire(
    request: pytest.FixtureRequest, device: UnderTest, more: dict[str, str], *, reads_only: bool = False
) -> Iterator[Wire]:
    from bwc_protocol.declare import Role
    from bwc_sdk.transport.uri import DeviceUri
    from hil_tests.raw.transcript import TRANSCRIPT, Transcript
    from hil_tests.raw.wire import Wire

    uri = _uri_of(device)
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
