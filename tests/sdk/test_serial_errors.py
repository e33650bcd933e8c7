"""What the system says when a port cannot be opened, in words that name the next step."""

import errno
import os

import pytest

from bwc_sdk.errors import PortBusy, PortForbidden, PortNotFound, TransportError
from bwc_sdk.transport.serial_port import opening_error

NODE = "serial:/dev/ttyACM0"


def test_a_node_without_permission_names_the_rule_to_install() -> None:
    for number in (errno.EACCES, errno.EPERM):
        error = opening_error(NODE, OSError(number, os.strerror(number)))
        assert isinstance(error, PortForbidden) and error.device == NODE
        assert "70-bwc.rules" in error.advice


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EBUSY, PortBusy),
        (errno.ENOENT, PortNotFound),
        (errno.ENODEV, PortNotFound),
        (errno.EIO, PortNotFound),
    ],
)
def test_every_other_error_of_opening_is_one_of_a_port(number: int, kind: type[TransportError]) -> None:
    error = opening_error(NODE, OSError(number, os.strerror(number)))
    assert isinstance(error, kind) and error.device == NODE
