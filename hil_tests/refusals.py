"""What a test says when the device must say no."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError


@contextmanager
def refused(code: ErrorCode) -> Iterator[None]:
    """The command inside is refused by the device, with exactly this code."""
    with pytest.raises(CommandError) as caught:
        yield
    assert caught.value.code is code, f"refused with {caught.value.code!r}: {caught.value.detail}"
