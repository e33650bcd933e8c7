"""Deterministic CBOR, narrowed to what evidence needs (RFC 8949 section 4.2.1).

One value has one encoding, so that a hash over bytes is a hash over facts. Of CBOR only integers, byte and
text strings, arrays, maps with unsigned integer keys, false, true and null are allowed: no tags (which would
run a decoder's converters on hostile input), no floats, no indefinite lengths.
"""

from typing import Any, Final

import cbor2

from bwc_protocol.evidence.vocabulary import EvidenceError

MAX_DEPTH: Final = 6
"""A manifest nests four deep; the rest is room for appended fields. Bounds the recursion on hostile input."""

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _SIMPLE = 0, 1, 2, 3, 4, 5, 7
_ARGUMENT_SIZES: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_SIMPLE_VALUES: Final = (20, 21, 22)  # false, true, null


def encode(value: Any) -> bytes:
    """The one encoding of `value`."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> Any:
    """The value of `data`. Raises `EvidenceError` (`cbor-…`) unless `data` is the one encoding of it."""
    end = _walk(data, 0, MAX_DEPTH)
    if end != len(data):
        raise EvidenceError("cbor-surplus", f"{len(data) - end} bytes after the value")
    try:
        value = cbor2.loads(data)
        same = encode(value) == data
    except (cbor2.CBORError, ValueError, TypeError) as error:  # after the walk: only text that is not UTF-8
        raise EvidenceError("cbor-value", str(error)) from error
    if not same:
        raise EvidenceError("cbor-deterministic", "not the shortest form, or keys out of order or repeated")
    return value


def item_end(data: bytes, at: int) -> int:
    """Where the item at `at` ends, which is no array or map: found without looking into it. Raises `EvidenceError`."""
    return _walk(data, at, 1)


def _walk(data: bytes, at: int, depth: int) -> int:
    """Checks one item at `at` without building it; returns where it ends."""
    if depth == 0:
        raise EvidenceError("cbor-depth", f"nested deeper than {MAX_DEPTH}")
    major, argument, at = _head(data, at)
    if major in (_UINT, _NEGATIVE):
        return at
    if major in (_BYTES, _TEXT):
        if argument > len(data) - at:
            raise EvidenceError("cbor-truncated", "a string is longer than what is left")
        return at + argument
    if major == _ARRAY:
        for _ in range(argument):  # ends at the end of the data: each item takes a byte at least
            at = _walk(data, at, depth - 1)
        return at
    if major == _MAP:
        for _ in range(argument):
            if at < len(data) and data[at] >> 5 != _UINT:
                raise EvidenceError("cbor-key", "a map key is not an unsigned integer")
            at = _walk(data, _walk(data, at, depth - 1), depth - 1)
        return at
    if major == _SIMPLE and argument in _SIMPLE_VALUES:
        return at
    raise EvidenceError("cbor-type", f"major type {major} with argument {argument} is not allowed")


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Major type and argument of the item at `at`, and where its content begins."""
    if at >= len(data):
        raise EvidenceError("cbor-truncated", "an item is missing")
    major, info = data[at] >> 5, data[at] & 0x1F
    if info < 24:
        return major, info, at + 1
    size = _ARGUMENT_SIZES.get(info)
    if size is None or major == _SIMPLE:
        raise EvidenceError("cbor-type", f"initial byte {data[at]:#04x} is not allowed")
    if size > len(data) - at - 1:
        raise EvidenceError("cbor-truncated", "the argument of an item is cut off")
    return major, int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size
