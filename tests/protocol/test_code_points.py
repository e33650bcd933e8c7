"""Which characters a text may have is the same on every Python, and in every firmware (spec: Field types)."""

import unicodedata

import pytest

from bwc_protocol.declare import MalformedMessage
from bwc_protocol.declare.forbidden_code_points import FORBIDDEN, RANGES, UNICODE
from bwc_protocol.messages.recordings import CategoriseRecording
from firmware_sim.camera.setting_rules import RULES
from tools.generate import code_points


def decoded(character: str) -> bool:
    """Whether a body with the character in a text is taken."""
    text = character.encode("utf-8", "surrogatepass")
    try:
        CategoriseRecording.codec.decode(bytes(48) + len(text).to_bytes(2, "little") + text)
    except MalformedMessage:
        return False
    return True


@pytest.mark.rule("MSG-014")
def test_just_what_is_listed_is_refused_whatever_unicode_this_python_knows() -> None:
    edges = {point + by for run in RANGES for point in run for by in (-1, 0, 1)}
    for point in sorted(edges & set(range(0x11_0000))):
        assert decoded(chr(point)) == (chr(point) not in FORBIDDEN), hex(point)


@pytest.mark.rule("MSG-014")
@pytest.mark.parametrize("point", [0x0378, 0xE000, 0x13439, 0x1343F, 0x1FAE8, 0x2EBF0, 0x10FFFF, 0x00A0])
def test_what_a_newer_unicode_assigns_or_moves_is_taken_by_every_python(point: int) -> None:
    """Unassigned, private, format characters of Unicode 15: `isprintable` differs from one Python to the next."""
    assert decoded(chr(point))
    assert RULES["policy.id"].allows(chr(point))


def test_every_listed_character_is_one_that_no_python_calls_printable() -> None:
    assert not any(character.isprintable() for character in FORBIDDEN), "the quick way would let it pass"
    assert len(FORBIDDEN) == sum(last - first + 1 for first, last in RANGES)


@pytest.mark.skipif(
    unicodedata.unidata_version != UNICODE, reason="it takes a Python with the frozen Unicode"
)
def test_the_list_is_what_the_tool_writes() -> None:
    assert code_points.UNICODE == UNICODE
    assert code_points.main(["--check"]) == 0


def test_overlong_and_too_large_forms_are_no_utf_8() -> None:
    for text in (b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xf4\x90\x80\x80", b"\xed\xa0\x80", b"\xff"):
        with pytest.raises(MalformedMessage):
            CategoriseRecording.codec.decode(bytes(48) + len(text).to_bytes(2, "little") + text)
