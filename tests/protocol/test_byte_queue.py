"""What waits to be written keeps its order, whatever is taken of it at a time."""

from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.byte_queue import PARTS_MAX, ByteQueue

PARTS = st.lists(st.binary(max_size=9), max_size=12)


@given(parts=PARTS, sizes=st.lists(st.integers(0, 20)))
def test_bytes_leave_in_their_order_by_either_way(parts: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(parts)
    dropped, taken, out = ByteQueue(), ByteQueue(), b""
    dropped.add(parts)
    taken.add(parts)
    for size in sizes:
        out += b"".join(taken.take(size))
        size = min(size, dropped.size)
        assert b"".join(dropped.first(size)).startswith(whole[len(whole) - dropped.size :][:size])
        dropped.drop(size)
        assert dropped.size == taken.size == len(whole) - len(out)
        assert out == whole[: len(out)]
    assert b"".join(dropped.first()) == b"".join(taken.take(taken.size)) == whole[len(out) :]


def test_one_write_has_a_bounded_number_of_buffers_and_none_that_is_empty() -> None:
    queue = ByteQueue()
    queue.add([b"x", b""] * (PARTS_MAX + 1))
    assert len(queue.first()) == PARTS_MAX and queue.size == PARTS_MAX + 1
    assert len(queue.first(3)) == 3
    queue.clear()
    assert not queue.size and not queue.first() and not queue.take(5)


def test_nothing_is_copied() -> None:
    data = bytearray(b"footage")
    queue = ByteQueue()
    queue.add([memoryview(data)])
    assert queue.take(4)[0].obj is data and queue.first()[0].obj is data
