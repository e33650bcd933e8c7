"""The codec is the Construct definition, made fast: the two agree on every declared class."""

import enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_protocol.declare import V1_0, FieldRangeError, FieldSpec, MalformedMessage, Unknown, Wire
from tests.tiers import times
from tools.generate import samples

CLASSES = samples.every_class()
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def texts(limit: int) -> st.SearchStrategy[str]:
    allowed = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))
    return st.text(allowed, max_size=min(limit, 40)).filter(lambda t: len(t.encode()) <= limit)


def values(spec: FieldSpec) -> st.SearchStrategy[Any]:
    """Every value that a field can carry."""
    if spec.low is not None and spec.high is not None:
        numbers = st.integers(spec.low, spec.high)
        if spec.kind.endswith("?"):
            return st.none() | numbers
        return numbers if spec.from_wire is None else numbers.map(spec.from_wire)
    bound = spec.bound or 0
    if spec.kind == "text":
        return texts(bound)
    if spec.kind == "blob":
        return st.binary(max_size=min(bound, 64))
    if spec.kind.startswith("bytes"):
        return st.binary(min_size=bound, max_size=bound)
    assert spec.of is not None
    return (
        instances(spec.of)
        if spec.kind == "record"
        else st.lists(instances(spec.of), max_size=min(bound, 3)).map(tuple)
    )


def instances(cls: type[Wire]) -> st.SearchStrategy[Any]:
    """Every value of a declared class."""
    return st.builds(cls, **{name: values(spec) for name, spec in cls.codec.fields.items()})


def parsed(value: Any) -> Any:
    """What Construct parsed, as plain data."""
    if isinstance(value, dict):
        return {key: parsed(item) for key, item in value.items() if not key.startswith("_")}
    return [parsed(item) for item in value] if isinstance(value, list) else value


@pytest.mark.rule("MSG-014")
@each_class
def test_the_codec_agrees_with_the_construct_definition(cls: type[Wire]) -> None:
    @settings(max_examples=times(20), deadline=None, database=None)
    @given(instances(cls))
    def check(value: Any) -> None:
        data = cls.codec.encode(value)
        assert data == cls.codec.construct.build(samples.wire_fields(value))
        assert parsed(cls.codec.construct.parse(data)) == samples.wire_fields(value)
        assert cls.codec.decode(data) == value
        assert cls.codec.decode(memoryview(data)) == value

    check()


@pytest.mark.rule("MSG-013")
@each_class
def test_a_message_that_ends_inside_a_known_field_is_an_error(cls: type[Wire]) -> None:
    value = samples.typical(cls)
    data = cls.codec.encode(value)
    older = ends_of_older_versions(cls, value, len(data))
    for cut in set(range(len(data))) - older:
        with pytest.raises(MalformedMessage):
            cls.codec.decode(data[:cut])
    for cut in older:
        assert cls.codec.encode(cls.codec.decode(data[:cut]))[:cut] == data[:cut]


def ends_of_older_versions(cls: type[Wire], value: Any, size: int) -> set[int]:
    """Where a message ends that was sent before its later fields were appended."""
    wire = samples.wire_fields(value)
    ends = set()
    for name, spec in reversed(cls.codec.fields.items()):
        if spec.since == V1_0:
            break
        size -= len(spec.subcon.build(wire[name]))
        ends.add(size)
    return ends


@pytest.mark.rule("MSG-012")
@each_class
def test_surplus_bytes_of_a_newer_version_are_skipped(cls: type[Wire]) -> None:
    value = samples.typical(cls)
    assert cls.codec.decode(cls.codec.encode(value) + b"\x01\x02\x03") == value


@each_class
def test_arbitrary_bytes_are_a_value_or_malformed_and_nothing_else(cls: type[Wire]) -> None:
    @settings(max_examples=times(15), deadline=None, database=None)
    @given(st.binary(max_size=400))
    def check(data: bytes) -> None:
        try:
            value = cls.codec.decode(data)
        except MalformedMessage:
            return
        assert cls.codec.decode(cls.codec.encode(value)) == value

    check()


NUMBERS = [
    pytest.param(cls, name, spec, id=f"{cls.__name__}.{name}")
    for cls in CLASSES
    for name, spec in cls.codec.fields.items()
    if spec.low is not None and spec.kind not in ("enum", "flags", "bool")
]


@pytest.mark.parametrize(("cls", "name", "spec"), NUMBERS)
def test_no_number_outside_its_range_is_sent(cls: type[Wire], name: str, spec: FieldSpec) -> None:
    assert spec.low is not None and spec.high is not None
    fields = {n: getattr(samples.least(cls), n) for n in cls.codec.fields}
    for outside in (spec.low - 1, spec.high + 1):
        with pytest.raises(FieldRangeError, match=name):
            cls.codec.encode(cls(**fields | {name: outside}))


SIZED = [
    pytest.param(cls, name, spec, id=f"{cls.__name__}.{name}")
    for cls in CLASSES
    for name, spec in cls.codec.fields.items()
    if spec.kind in ("text", "blob", "items")
]


@pytest.mark.rule("MSG-014")
@pytest.mark.parametrize(("cls", "name", "spec"), SIZED)
def test_a_bound_holds_in_both_directions(cls: type[Wire], name: str, spec: FieldSpec) -> None:
    assert spec.bound is not None
    fields = {n: getattr(samples.least(cls), n) for n in cls.codec.fields}
    over: Any = {"text": "x", "blob": b"x"}.get(spec.kind)
    if over is None:
        assert spec.of is not None
        over = (samples.least(spec.of),)
    with pytest.raises(FieldRangeError, match=f"at most {spec.bound}"):
        cls.codec.encode(cls(**fields | {name: over * (spec.bound + 1)}))
    small = cls.codec.encode(cls(**fields | {name: over * spec.bound}))
    forged = _with_one_more(cls, small, name, spec)
    with pytest.raises(MalformedMessage, match=f"at most {spec.bound}"):
        cls.codec.decode(forged)


def _with_one_more(cls: type[Wire], data: bytes, name: str, spec: FieldSpec) -> bytes:
    """`data` with a count or length that is one beyond the bound, and the bytes to go with it."""
    assert spec.bound is not None
    at = 0
    for other, other_spec in cls.codec.fields.items():
        if other == name:
            break
        at += len(other_spec.subcon.build(samples.wire_value(other_spec, getattr(samples.least(cls), other))))
    more = b"x"
    if spec.kind == "items":
        assert spec.of is not None
        one = spec.of.codec.encode(samples.least(spec.of))
        more = len(one).to_bytes(2, "little") + one
    size = len(more) * spec.bound
    head = (spec.bound + 1).to_bytes(2, "little")
    return data[:at] + head + data[at + 2 : at + 2 + size] + more + data[at + 2 + size :]


@pytest.mark.rule("MSG-015")
def test_a_number_without_a_name_is_kept() -> None:
    for cls in CLASSES:
        for name, spec in cls.codec.fields.items():
            if spec.enum is None or not issubclass(spec.enum, enum.IntEnum):
                continue
            value = cls(
                **{n: getattr(samples.least(cls), n) for n in cls.codec.fields} | {name: Unknown(0xEE)}
            )
            again = cls.codec.decode(cls.codec.encode(value))
            assert getattr(again, name) == Unknown(0xEE), f"{cls.__name__}.{name}"


def test_bits_without_a_name_are_kept() -> None:
    for cls in CLASSES:
        for name, spec in cls.codec.fields.items():
            if spec.kind != "flags" or spec.enum is None:
                continue
            fields = {n: getattr(samples.least(cls), n) for n in cls.codec.fields}
            value = cls(**fields | {name: spec.enum(0xFFFF_FFFF)})
            assert int(getattr(cls.codec.decode(cls.codec.encode(value)), name)) == 0xFFFF_FFFF


def test_a_peer_that_sends_every_combination_of_bits_does_not_fill_the_memory() -> None:
    from bwc_protocol.messages.recordings import Mark

    known = len(Mark._value2member_map_)
    for bits in range(1_000):
        assert int(Mark(bits << 8 | 1)) == bits << 8 | 1
    assert len(Mark._value2member_map_) - known <= 2 ** len(Mark)


@pytest.mark.rule("MSG-014")
@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "x\u202ey", "\u2028", "\u200b", "\x00"])
def test_no_text_can_rewrite_a_terminal_or_a_log(text: str) -> None:
    from bwc_protocol.messages.recordings import CategoriseRecording

    good = CategoriseRecording(
        recording=bytes(16), manifest_sha256=bytes(32), category="x" * len(text.encode())
    )
    data = CategoriseRecording.codec.encode(good)
    with pytest.raises(MalformedMessage, match="control"):
        CategoriseRecording.codec.decode(data[: -len(text.encode())] + text.encode())
    with pytest.raises(FieldRangeError, match="control"):
        CategoriseRecording.codec.encode(
            CategoriseRecording(recording=bytes(16), manifest_sha256=bytes(32), category=text)
        )


@pytest.mark.rule("MSG-014")
def test_text_that_is_not_utf8_is_malformed() -> None:
    from bwc_protocol.messages.assignment import Assign

    data = Assign.codec.encode(Assign(officer="xx", unit="", revision=1))
    with pytest.raises(MalformedMessage, match="UTF-8"):
        Assign.codec.decode(data.replace(b"xx", b"\xff\xfe"))


@pytest.mark.parametrize("wrong", [bytes(31), bytes(33), b"", bytearray(32), "x" * 32])
def test_bytes_of_another_size_are_refused_and_never_cut_or_padded(wrong: Any) -> None:
    from bwc_protocol.messages.recordings import CategoriseRecording

    value = CategoriseRecording(recording=bytes(16), manifest_sha256=wrong, category="x")
    with pytest.raises(FieldRangeError, match="exactly 32 bytes"):
        CategoriseRecording.codec.encode(value)
