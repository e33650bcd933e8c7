"""What `make` in protocol/c builds, once a run, whichever worker of it comes first."""

import fcntl
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCES = Path("protocol/c")
Build = Callable[[str], Path]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Build:
    """Builds what is named, and gives its path."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "protocol-c"
    folder.mkdir(exist_ok=True)

    def made(name: str) -> Path:
        if shutil.which("make") is None or shutil.which("cc") is None:
            pytest.skip("there is no C compiler here, or no make")
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run(
                ["make", "-s", "-C", SOURCES, f"BUILD={folder}", folder / name],
                capture_output=True,
                text=True,
            )
        assert done.returncode == 0, done.stderr
        return folder / name

    return made
