"""What the tests of the suite's plugin have in common."""

import pytest


@pytest.fixture(autouse=True)
def _as_written(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The suites that these tests write run in the order in which they are written, unless one says another seed, and
    leave their wire logs where nobody else's are."""
    if "pytester" in request.fixturenames:
        request.getfixturevalue("pytester")  # which forgets what the environment says
        monkeypatch.setenv(
            "PYTEST_ADDOPTS", f"--bwc-seed=0 --bwc-logs={tmp_path_factory.getbasetemp() / 'wire-logs'}"
        )
