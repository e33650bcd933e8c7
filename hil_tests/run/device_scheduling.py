"""Which worker of pytest-xdist gets which tests: all of a device the same one. Imported where pytest-xdist is there.

The plugin decides by the ids of the tests, which all workers tell alike: marks with a group do not come through (as of
pytest-xdist 3.8 with pytest 9.2, issue 1386 of the former).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from xdist.scheduler.loadgroup import LoadGroupScheduling

from hil_tests.run.under_test import DEVICES, UnderTest


class DeviceScheduling(LoadGroupScheduling):  # type: ignore[misc]  # pytest-xdist says nothing of its types
    """As `--dist loadgroup` does, and a device is a group."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        devices = config.stash[DEVICES]
        self._groups = groups_of(devices)

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid, self._groups) or str(super()._split_scope(nodeid))


def groups_of(devices: Mapping[str, UnderTest]) -> Mapping[str, str]:
    """The group of each device, named after one of them.

    Devices share one that two ways lead to; a docking station and the cameras in its bays, since its pipe is one
    host's at a time; and those whose names could be taken for each other in an id: `x60` with the parameter `2`, and
    `x60-2`.
    """
    group = {name: name for name in devices}
    for one, first in devices.items():
        for other, second in devices.items():
            if (
                first.expected == second.expected
                or _one_pipe(first.uri, second.uri)
                or other.startswith(f"{one}-")
            ):
                merged, into = group[other], group[one]
                group = {name: into if was == merged else was for name, was in group.items()}
    return group


def _one_pipe(one: str, other: str) -> bool:
    """Whether both are at one docking station. What is no URI is told when its tests begin."""
    from bwc_sdk.errors import InvalidUri
    from bwc_sdk.transport.uri import DeviceUri

    try:
        first, second = DeviceUri.parse(one), DeviceUri.parse(other)
        return bool(first.bay or second.bay) and first.without_bay() == second.without_bay()
    except InvalidUri:
        return False


def group_of(nodeid: str, groups: Mapping[str, str]) -> str:
    """The group of the device that a test is on, by its id; "" for one that is on none. A single device has them all:
    its name is in no id."""
    if len(groups) == 1:
        return next(iter(groups))
    said = nodeid.partition("::")[2].partition("[")[2]
    for name, group in groups.items():
        if said.startswith((f"{name}-", f"{name}]")):
            return group
    return ""
