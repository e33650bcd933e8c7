"""Errors carry their facts wherever they go: to another task, and to another process."""

import copy
import inspect
import pickle
import traceback
from typing import Any

import pytest

from bwc_protocol.messages.clock import ClockSet
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk import errors
from bwc_sdk.connection.error_mapping import with_device
from bwc_sdk.errors import BwcError

FACTS: dict[str, Any] = {
    "what": "the transport ble:",
    "extra": "ble",
    "rule": "a rule",
    "command": "battery.status",
    "code": ErrorCode.CONFLICT,
    "detail": "another revision",
    "safe_to_repeat": False,
    "since": (1, 2),
    "spoken": (1, 0),
    "problems": ("one", "another"),
    "problem": "not TOML",
    "doubt": "it is off",
    "done": ClockSet(before_utc_ns=1, after_utc_ns=2, revision=3),
}
CLASSES = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, BwcError)]


def made(kind: type[BwcError]) -> BwcError:
    taken = inspect.signature(kind).parameters.values()
    needed = {one.name for one in taken if one.default is one.empty} | {"device"} & {
        one.name for one in taken
    }
    return kind(**{name: "usb:1-4" if name == "device" else FACTS.get(name, 7) for name in needed})


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_copy_of_an_error_has_all_its_facts(kind: type[BwcError]) -> None:
    error = made(kind)
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is kind and other is not error
        assert str(other) == str(error)
        assert vars(other) == vars(error)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_of_the_pipe_is_told_of_a_device_behind_it(kind: type[BwcError]) -> None:
    error = made(kind)
    error.device = "usb:1-4"
    told = with_device(error, "usb:1-4?bay=2")
    assert type(told) is kind and told.device == "usb:1-4?bay=2" and told.__cause__ is error
    assert vars(told) | {"device": ""} == vars(error) | {"device": ""} and error.device == "usb:1-4"
    assert with_device(error, "usb:1-4") is error


def test_a_traceback_shows_what_to_do_and_only_the_last_advice() -> None:
    error = errors.DestinationError("it is full of holes", device="/mnt", advice="choose another")
    assert str(error) == "/mnt: destination: it is full of holes"
    error.add_note("a note of the caller")
    error.advice = "look at the disk"
    shown = "".join(traceback.format_exception(error))
    assert "try: look at the disk" in shown and "a note of the caller" in shown
    assert "choose another" not in shown and error.advice == "look at the disk"
    error.advice = ""
    assert "try:" not in "".join(traceback.format_exception(error))
