"""The seal of a PKCS12 file, made as slow to guess at as its encryption (RFC 7292, section 4 and appendix B).

`cryptography` makes this seal with 2,048 rounds, whatever the encryption has: who guesses passphrases tries them on the
seal, and the rounds of the encryption are for nothing. So it is made anew.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

_SHA256: Final = bytes.fromhex("300d06096086480165030402010500")
"""AlgorithmIdentifier: id-sha256, NULL."""
_BLOCK: Final = 64
"""Of SHA-256."""
_FOR_MAC: Final = 3
"""What a key is derived for (appendix B.3)."""
_SALT: Final = 16


def sealed_anew(pfx: bytes, passphrase: bytes, rounds: int, salt: bytes) -> bytes:
    """The same file with a seal of HMAC-SHA-256 and so many rounds. `pfx` is one that `cryptography` has just made."""
    assert len(salt) == _SALT
    version, rest = _take(_content(pfx))
    safe, _ = _take(rest)
    _type, wrapped = _take(_content(safe))
    sealed = _content(_content(wrapped))
    key = _derived(passphrase, salt, rounds)
    digest = hmac.new(key, sealed, hashlib.sha256).digest()
    seal = _tlv(0x30, _tlv(0x30, _SHA256 + _tlv(0x04, digest)) + _tlv(0x04, salt) + _integer(rounds))
    return _tlv(0x30, version + safe + seal)


def _derived(passphrase: bytes, salt: bytes, rounds: int) -> bytes:
    """Appendix B.2 for 32 bytes: one block of the hash is all that is needed."""
    password = passphrase.decode("utf-8").encode("utf-16-be") + b"\0\0"
    filled = bytes([_FOR_MAC]) * _BLOCK + _filled(salt) + _filled(password)
    value = filled
    for _ in range(rounds):
        value = hashlib.sha256(value).digest()
    return value


def _filled(data: bytes) -> bytes:
    whole = -(-len(data) // _BLOCK) * _BLOCK
    return (data * (whole // len(data) + 1))[:whole]


def _take(data: bytes) -> tuple[bytes, bytes]:
    """The first DER value, and what follows it."""
    start, length = _head(data)
    return data[: start + length], data[start + length :]


def _content(data: bytes) -> bytes:
    start, length = _head(data)
    return data[start : start + length]


def _head(data: bytes) -> tuple[int, int]:
    """Where the content of the first value begins, and how long it is."""
    if data[1] < 0x80:
        return 2, data[1]
    more = data[1] & 0x7F
    return 2 + more, int.from_bytes(data[2 : 2 + more], "big")


def _tlv(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content)
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def _integer(value: int) -> bytes:
    return _tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))
