"""Serial number and subject of a certificate or request, read from its DER (RFC 5280, section 4.1).

`cryptography` reads both as well, and prints a warning on stderr for each name that is too long and for a serial number
that is not positive. Whoever shows such a certificate would write into the terminal of its peer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_SET: Final = 0x31
_OID: Final = 0x06
_VERSION: Final = 0xA0
_CODECS: Final = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x1E: "utf-16-be"}
"""Of a text, by its tag: UTF8String, PrintableString, IA5String, BMPString. Nobody writes others since 2003."""
COMMON_NAME: Final = bytes.fromhex("550403")
ORGANIZATION: Final = bytes.fromhex("55040a")


def serial_of(certificate: bytes) -> int:
    """Its serial number. Raises `ValueError`."""
    return int.from_bytes(_fields(certificate)[0][1], signed=True)


def texts_of(certificate: bytes, attribute: bytes) -> list[str]:
    """What the subject of a certificate says under an attribute, such as its common name. Raises `ValueError`."""
    subject = _fields(certificate)[4]  # serial number, algorithm, issuer, validity, subject
    return _texts(subject, attribute)


def texts_of_request(request: bytes, attribute: bytes) -> list[str]:
    """The same of a request (RFC 2986): its version, then its subject. Raises `ValueError`."""
    (inner, *_) = _items(_one(request, _SEQUENCE))
    return _texts(list(_items(_content(inner, _SEQUENCE)))[1], attribute)


def _texts(subject: tuple[int, bytes], attribute: bytes) -> list[str]:
    found = []
    for part in _items(_content(subject, _SEQUENCE)):
        for pair in _items(_content(part, _SET)):
            oid, (tag, text) = _items(_content(pair, _SEQUENCE))
            if _content(oid, _OID) == attribute:
                if tag not in _CODECS:
                    raise ValueError("a text of its subject is of a kind that is not known")
                found.append(text.decode(_CODECS[tag]))
    return found


def _fields(certificate: bytes) -> list[tuple[int, bytes]]:
    """From the serial number on: the version before it may be missing."""
    (inner, *_) = _items(_one(certificate, _SEQUENCE))
    fields = list(_items(_content(inner, _SEQUENCE)))
    if fields and fields[0][0] == _VERSION:
        del fields[0]
    if len(fields) < 6 or fields[0][0] != _INTEGER:
        raise ValueError("it has not the fields of a certificate")
    return fields


def _one(der: bytes, tag: int) -> bytes:
    (only,) = _items(der)
    return _content(only, tag)


def _content(item: tuple[int, bytes], tag: int) -> bytes:
    if item[0] != tag:
        raise ValueError(f"a field of it has the tag {item[0]:#04x}, not {tag:#04x}")
    return item[1]


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents, one after the other; nothing is read beyond the data."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("it ends in a field")
        tag, length, begin = data[at], data[at + 1], at + 2
        if length >= 0x80:
            count = length - 0x80
            if not 1 <= count <= 3:  # certificates and requests are shorter than 4 KiB
                raise ValueError("a length of it is not one of DER")
            length, begin = int.from_bytes(data[begin : begin + count]), begin + count
        at = begin + length
        if at > len(data):
            raise ValueError("it ends in a field")
        yield tag, data[begin:at]
