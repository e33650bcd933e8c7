"""What a target of labgrid's environment is to the suite: a way to the device, keys, who is expected, actuators."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrid.binding import BindingError, BindingState
from labgrid.exceptions import InvalidConfigError, NoSupplierFoundError, RegistrationError
from labgrid.resource.remote import RemotePlace

from bwc_sdk.labgrid import BWCButtonDriver, BWCDockPowerDriver, BWCDriver, BWCStationDriver, BWCStrategy
from bwc_sdk.labgrid.device_driver import DeviceDriver
from bwc_sdk.labgrid.strategy import Status
from hil_tests.actuators.actuator import Actuator
from hil_tests.labgrid.switches import button, switch

WRONG = (BindingError, InvalidConfigError, NoSupplierFoundError, RegistrationError, TypeError, ValueError)
"""What labgrid raises for a file that does not describe such a target."""


class Unfit(Exception):
    """Raised where an environment file has no such target, or the target has no device of ours."""


@dataclass(frozen=True, slots=True)
class Speaks:
    """By whose keys the bench speaks, where its options or its bench file say so; None: the lab, or nobody."""

    identity: Path | None
    insecure: bool


@dataclass(frozen=True, slots=True)
class Reached:
    """A device that a target leads to."""

    uri: str
    expected: str | None
    identity: Path | None
    insecure: bool
    actuators: Mapping[str, Actuator]
    places: tuple[str, ...]
    """Of the coordinator; none for what is at this machine."""
    coordinator: str

    @property
    def places_in_words(self) -> str:
        return f", place {' and '.join(self.places)}" if self.places else ""


def reached_at(environment: Any, name: str, speaks: Speaks | None) -> Reached:
    """The device of that target; a strategy of ours brings it into its dock first.

    With `speaks` it is spoken to so, and not as the environment file says. Raises `Unfit`, and whatever labgrid says of
    a place that cannot be had now.
    """
    try:
        target = environment.get_target(name)
    except WRONG as error:
        raise Unfit(f"target {name}: {error}") from error
    if target is None:
        there = ", ".join(environment.config.get_targets()) or "none"
        raise Unfit(f"there is no target {name} (there are: {there}); name one by --bwc-device labgrid:NAME")
    driver = _driver_of(target, name)
    if speaks is not None:
        driver.identity = None if speaks.identity is None else str(speaks.identity.absolute())
        driver.insecure = speaks.insecure
    actuators = _actuators_of(target, name)
    target.await_resources([driver.device])
    for strategy in (one for one in target.drivers if isinstance(one, BWCStrategy)):
        if strategy.status in (Status.unknown, Status.off, Status.undocked):
            strategy.transition(Status.docked)
    if driver.state is BindingState.active:
        target.deactivate(driver)  # the suite has connections of its own, and a device has one host
    return Reached(
        uri=driver.uri,
        expected=driver.expected,
        identity=driver.key_files,
        insecure=driver.insecure,
        actuators=actuators,
        places=tuple(one.name for one in target.resources if isinstance(one, RemotePlace)),
        coordinator=environment.config.get_option(
            "coordinator_address", os.environ.get("LG_COORDINATOR", "127.0.0.1:20408")
        ),
    )


def _driver_of(target: Any, name: str) -> DeviceDriver[Any]:
    """The driver whose device is under test: a camera's, and a station's where there is no other."""
    for kind in (BWCDriver, BWCStationDriver):
        found = [one for one in target.drivers if isinstance(one, kind)]
        if len(found) > 1:
            raise Unfit(
                f"target {name} has {len(found)} drivers {kind.__name__}: give each device a target of its own"
            )
        if found:
            return found[0]
    raise Unfit(
        f"target {name} has no BWCDriver: add 'BWCDriver: {{}}' to its drivers, or name what is under test by "
        "--bwc-device"
    )


def _actuators_of(target: Any, name: str) -> dict[str, Actuator]:
    """The switches and buttons of a target, by the names of a bench file's actuators."""
    found: dict[str, Actuator] = {}
    for one in target.drivers:
        made = (
            switch(one)
            if isinstance(one, BWCDockPowerDriver)
            else button(one)
            if isinstance(one, BWCButtonDriver)
            else None
        )
        if made is None:
            continue
        if made.name in found:
            raise Unfit(f"target {name} has two actuators {made.name}: say by 'actuator' which is which")
        found[made.name] = made
    return found
