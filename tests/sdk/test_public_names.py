"""The public names: what programs may import, pinned, so that none goes or comes unnoticed."""

import importlib
import inspect
from pathlib import Path

import pytest

import bwc_sdk
from bwc_sdk import errors
from bwc_sdk.sync import SyncCamera, SyncDockingStation

PUBLIC = {
    "bwc_sdk.offload": {
        "BayRecovered",
        "BayTroubled",
        "Budget",
        "CameraEvent",
        "CameraFailed",
        "ChunkRejected",
        "Connected",
        "ConnectionLost",
        "DockWatch",
        "Finished",
        "FleetJob",
        "FleetResult",
        "Interrupted",
        "OffloadEvent",
        "OffloadJob",
        "OffloadPolicy",
        "OffloadResult",
        "Outcome",
        "Planned",
        "Progress",
        "Reconnected",
        "RecordingFinished",
        "RecordingStarted",
        "Refused",
        "Resumed",
        "SegmentStored",
        "StationBack",
        "StationLost",
        "StillOnCamera",
        "StoredSegment",
        "StoredVerified",
        "dock_watch",
        "offload",
        "offload_many",
        "offload_station",
        "outcome_word",
    },
    "bwc_sdk.sync": {
        "BlockingIterator",
        "CallTimeout",
        "SyncCamera",
        "SyncDockWatch",
        "SyncDockingStation",
        "SyncFleetJob",
        "SyncOffloadJob",
        "connect",
        "connect_station",
        "dock_watch",
        "offload",
        "offload_many",
        "offload_station",
        "watch",
    },
}
ALWAYS = {"BwcError", "Camera", "ErrorCode", "Role", "Unknown", "World", "__version__", "connect"}


@pytest.mark.parametrize("module", PUBLIC)
def test_a_package_exports_exactly_what_is_published(module: str) -> None:
    assert set(importlib.import_module(module).__all__) == PUBLIC[module]


def test_the_first_published_names_stay() -> None:
    assert set(bwc_sdk.__all__) >= ALWAYS


@pytest.mark.parametrize("name", sorted(bwc_sdk.__all__))
def test_every_name_can_be_had_and_documents_itself(name: str) -> None:
    found = getattr(bwc_sdk, name)
    assert isinstance(found, str) or inspect.getdoc(found)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = bwc_sdk.no_such_name


def _classes() -> list[type[errors.BwcError]]:
    found, todo = [], [errors.BwcError]
    while todo:
        one = todo.pop()
        found.append(one)
        todo.extend(one.__subclasses__())
    return found


def test_there_is_one_root_of_errors_and_each_says_when_it_is_raised() -> None:
    for one in _classes():
        assert one.__doc__, one.__name__
        assert one is errors.BwcError or "Raised when" in one.__doc__, one.__name__
        assert one.layer, one.__name__


def test_an_error_names_device_layer_and_rule() -> None:
    error = errors.DeviceLost("the cable was pulled", device="serial:/dev/ttyACM0")
    assert str(error) == "serial:/dev/ttyACM0: transport: the cable was pulled"
    assert str(errors.InvalidUri("no scheme")) == "uri: no scheme"


# What `help()` shows


@pytest.mark.parametrize("client", [bwc_sdk.Camera, bwc_sdk.DockingStation, SyncCamera, SyncDockingStation])
def test_a_client_documents_every_one_of_its_subjects(client: type[object]) -> None:
    documented = inspect.getdoc(client) or ""
    assert {"device", "clock", "audit"} < set(client.__annotations__)
    for subject in client.__annotations__:
        assert f"\n    {subject}: " in documented, subject


def test_the_package_documents_every_public_name() -> None:
    for name in bwc_sdk.__all__:
        assert name in (bwc_sdk.__doc__ or ""), name
    assert set(bwc_sdk.__all__) <= set(dir(bwc_sdk))


def test_the_readme_names_every_error_that_a_program_may_catch() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    tree = readme.partition("### Errors and outcomes")[2].partition("### ")[0]
    for kind in _classes():
        if kind.__module__ == errors.__name__:
            assert kind.__name__ in tree, kind.__name__
