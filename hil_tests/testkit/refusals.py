"""What a test says when the device must say no."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError
from hil_tests.device.absent import why_not_applicable


@contextmanager
def refused(code: ErrorCode) -> Iterator[None]:
    """The command inside is refused by the device, with exactly this code. Of one that the device does not have,
    `CommandError` is raised: see `absent`."""
    with pytest.raises(CommandError) as caught:
        yield
    if code is not ErrorCode.UNSUPPORTED and why_not_applicable(caught.value):
        raise caught.value
    assert caught.value.code is code, f"refused with {caught.value.code!r}: {caught.value.detail}"
