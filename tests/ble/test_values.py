"""A byte pipe in values: nothing lost, nothing longer than it may be, frames whole where they fit (spec: BLE)."""

from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.bindings.ble import FRAME_BYTES, SMALL_VALUE, VALUE_MAX, VALUE_MIN, Packer, payload_for
from bwc_protocol.frame import CRC_SIZE, HEADER_SIZE, MAX_PAYLOAD, MIN_PAYLOAD

PARTS = st.lists(st.binary(min_size=1, max_size=1500), max_size=30)
SIZES = st.integers(VALUE_MIN, VALUE_MAX)


def values_of(packer: Packer, size: int) -> list[bytes]:
    found = []
    while value := packer.take(size):
        found.append(value)
    return found


@given(PARTS, SIZES)
def test_values_are_the_bytes_in_their_order_and_never_too_long(parts: list[bytes], size: int) -> None:
    packer = Packer()
    packer.push(parts)
    assert packer.size == sum(map(len, parts))
    values = values_of(packer, size)
    assert b"".join(values) == b"".join(parts)
    assert all(0 < len(value) <= size for value in values)
    assert packer.size == 0


@given(st.lists(st.binary(min_size=1, max_size=VALUE_MIN), min_size=1, max_size=30), SIZES)
def test_what_fits_into_a_value_is_not_split(parts: list[bytes], size: int) -> None:
    packer = Packer()
    packer.push(parts)
    ends = set()
    at = 0
    for part in parts:
        at += len(part)
        ends.add(at)
    at = 0
    for value in values_of(packer, size):
        at += len(value)
        assert at in ends


def test_what_is_cleared_is_gone() -> None:
    packer = Packer()
    packer.push([b"a" * 600])
    packer.take(100)
    packer.clear()
    assert packer.size == 0 and packer.take(100) == b""


@given(st.integers(VALUE_MIN, 65_535))
def test_a_payload_fits_the_link_and_its_frame_fills_whole_values(value_bytes: int) -> None:
    payload = payload_for(value_bytes)
    assert MIN_PAYLOAD <= payload <= MAX_PAYLOAD
    frame = payload + HEADER_SIZE + CRC_SIZE
    assert frame <= FRAME_BYTES
    if value_bytes >= SMALL_VALUE:
        assert frame % min(value_bytes, VALUE_MAX) == 0
        assert (HEADER_SIZE + CRC_SIZE) / frame < 0.02
