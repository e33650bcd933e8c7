"""How long a conformance run will take is told before it: what few tests take is not, and what makes it long is."""

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from hil_tests.conformance.estimate import estimate

pytest_plugins = ["pytester"]

TESTS = """
import pytest

@pytest.mark.parametrize("n", range(280))
def test_asks(wire, n): ...

@pytest.mark.bwc_fails_a_handshake
@pytest.mark.parametrize("n", range(20))
def test_fails(wire, n): ...

def test_of_somebody_else(): ...
"""
LONG = "300 tests: about 4 minutes on a link that is quick; in 20 of them a handshake fails, of which "


class Asked:
    """A plugin: what is told of the tests that are collected."""

    told: str

    def __init__(self, device: str, *, insecure: bool) -> None:
        self._device, self._insecure = device, insecure

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.told = estimate(session.items, self._device, insecure=self._insecure)


@pytest.mark.parametrize(
    ("device", "insecure", "chosen", "told"),
    [
        pytest.param("tcp:127.0.0.1:1", False, "", LONG, id="elsewhere"),
        pytest.param("sim:", False, "", "300 tests: about 1 minute on a link that is quick", id="here"),
        pytest.param("tcp:127.0.0.1:1", True, "", "300 tests: about 1 minute on", id="no handshakes"),
        pytest.param(
            "tcp:127.0.0.1:1", False, "fails and 1", "11 tests: about 2 minutes on", id="a few that wait"
        ),
        pytest.param("tcp:127.0.0.1:1", False, "asks and 27", "", id="a few"),
    ],
)
def test_what_takes_long_is_told(
    device: str, insecure: bool, chosen: str, told: str, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(TESTS)
    asked = Asked(device, insecure=insecure)
    pytester.runpytest_inprocess(
        "--collect-only", "-q", "-k", chosen, "--bwc-device", device, plugins=[asked]
    )
    assert asked.told.startswith(told) and bool(told) == bool(asked.told), asked.told
    assert ("TRU-009" in asked.told) == ("a handshake fails" in asked.told)
