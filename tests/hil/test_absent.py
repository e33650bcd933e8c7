"""Rules about commands that a device does not have are not about it, and nothing else is excused."""

import pytest

from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError
from hil_tests.device.absent import OBLIGATORY, why_not_applicable
from hil_tests.testkit.refusals import refused


def test_a_command_that_is_not_supported_is_named() -> None:
    error = CommandError("recordings.hold", ErrorCode.UNSUPPORTED, "")
    assert why_not_applicable(error) == "the device has no recordings.hold"


@pytest.mark.parametrize("command", sorted(OBLIGATORY))
def test_what_every_device_has_is_never_excused(command: str) -> None:
    assert not why_not_applicable(CommandError(command, ErrorCode.UNSUPPORTED, ""))


@pytest.mark.parametrize("code", [code for code in ErrorCode if code is not ErrorCode.UNSUPPORTED], ids=str)
def test_no_other_refusal_is_excused(code: ErrorCode) -> None:
    assert not why_not_applicable(CommandError("recordings.hold", code, ""))
    assert not why_not_applicable(None)


def test_a_refusal_that_is_expected_is_not_taken_for_one_of_a_command_that_is_missing() -> None:
    missing = CommandError("recordings.hold", ErrorCode.UNSUPPORTED, "")
    with refused(ErrorCode.UNSUPPORTED):
        raise missing
    with pytest.raises(CommandError) as caught, refused(ErrorCode.CONFLICT):
        raise missing
    assert caught.value is missing
    with pytest.raises(AssertionError), refused(ErrorCode.CONFLICT):
        raise CommandError("recordings.hold", ErrorCode.HELD, "")
