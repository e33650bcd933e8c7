"""Stores as offloads leave them, from a simulated camera."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bwc_sdk.offload import offload

CAMERA = "sim:?seed=7&recordings=4&mib=2"


ONE_RECORDING = "sim:?seed=7&recordings=1&mib=1"


def stored(camera: str, path: Path) -> Path:
    path.mkdir(exist_ok=True)

    async def run() -> None:
        async with offload(camera, path, lab=True) as job:
            assert (await job.run()).complete

    asyncio.run(run())
    return path


@pytest.fixture(scope="session")
def offloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of four recordings. Nobody writes into it."""
    return stored(CAMERA, tmp_path_factory.mktemp("offloaded"))


@pytest.fixture
def store(offloaded: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    copy = tmp_path / "store"
    shutil.copytree(offloaded, copy)
    return copy


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A store of one recording, to be spoilt in every place: what is around it takes no time."""
    return stored(ONE_RECORDING, tmp_path / "small")


@pytest.fixture
def one_of(store: Path) -> Callable[[str], Path]:
    """The first file of the store that ends so."""

    def find(ending: str) -> Path:
        return min(path for path in store.iterdir() if path.name.endswith(ending))

    return find
