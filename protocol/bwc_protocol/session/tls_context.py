"""The OpenSSL contexts of secure sessions: what they insist on, and how a key gets into one (spec: Secure session).

`ssl` takes keys from files alone. A key that is elsewhere is written to memory that has the form of a file, or to a
file of its own where there is no such memory; encrypted under a passphrase that nobody else hears, and gone at once.
"""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

GROUP: Final = "prime256v1"
"""P-256, of the key exchange (NIST SP 800-56A r3)."""
LOWEST = ssl.TLSVersion.TLSv1_3
VERIFY_MODE = ssl.CERT_REQUIRED
_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: each end judges times by what it knows of them
_IGNORE_CRITICAL: Final = 0x10  # X509_V_FLAG_IGNORE_CRITICAL: in a lab, whose extension is checked here
_DESCRIPTORS: Final = "/proc/self/fd"
_NONE_LEFT: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_VERIFY: Final = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_STRICT


class UnusableCredentials(Exception):
    """OpenSSL does not take the certificate, or the key is not the one that it is for."""


class Credentials(Protocol):
    """A certificate and what can prove it, wherever the key is: in memory, a file, a TPM or a smart card."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """What the peer is shown: the leaf, then the issuing CA (DER)."""

    def load_into(self, context: ssl.SSLContext) -> None:
        """Makes the context prove the certificate. Raises `UnusableCredentials`, and `OSError` where the host has not
        what that takes."""

    def sign(self, data: bytes) -> bytes:
        """ES256 over the data: r and s, 32 bytes each."""


@dataclass(frozen=True, slots=True)
class KeyCredentials:
    """A certificate whose key is in memory."""

    chain: tuple[bytes, ...] = field(repr=False)
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def load_into(self, context: ssl.SSLContext) -> None:
        from cryptography.hazmat.primitives.serialization import (
            BestAvailableEncryption,
            Encoding,
            PrivateFormat,
        )

        passphrase = os.urandom(32).hex().encode()
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
        pem = "".join(ssl.DER_cert_to_PEM_cert(der) for der in self.chain).encode() + key
        try:
            with _file(pem) as path:
                context.load_cert_chain(path, password=passphrase)
        except ssl.SSLError as error:
            raise UnusableCredentials(f"OpenSSL does not take certificate and key: {error}") from error

    def sign(self, data: bytes) -> bytes:
        # Loaded here: it is seldom needed, since OpenSSL signs for sessions.
        from bwc_protocol.evidence.es256 import sign_es256

        return sign_es256(self.key, data)


def context_for(
    credentials: Credentials, anchors: tuple[bytes, ...], *, client: bool, lab: bool
) -> ssl.SSLContext:
    """The context of one end: TLS 1.3, P-256, a certificate of both ends below one of `anchors` (DER), no tickets.

    Without anchors a client takes any certificate: that of a device which belongs to no agency yet, and whose judge
    lets the host do nothing but enrol it. Raises `UnusableCredentials`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if client else ssl.PROTOCOL_TLS_SERVER)
    context.check_hostname = False
    context.minimum_version, context.maximum_version = LOWEST, ssl.TLSVersion.TLSv1_3
    context.set_ecdh_curve(GROUP)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # There are no middle boxes here, and being good to them costs 50 bytes.
    context.options &= ~ssl.OP_ENABLE_MIDDLEBOX_COMPAT
    if not client:
        context.num_tickets = 0
    if anchors:
        context.verify_mode = VERIFY_MODE
        # Exactly these, whatever this version of Python begins with: with X509_V_FLAG_PARTIAL_CHAIN, for one, an
        # issuing CA among the anchors would be a root.
        context.verify_flags = ssl.VerifyFlags(_VERIFY | _NO_CHECK_TIME | (_IGNORE_CRITICAL if lab else 0))
        context.load_verify_locations(cadata=b"".join(anchors))
    elif client:
        context.verify_mode = ssl.CERT_NONE
    else:
        raise UnusableCredentials("a host without the root of an agency can accept no device")
    credentials.load_into(context)
    return context


def _memory_file() -> int | None:
    """A descriptor of memory that has a path; None where there is no such thing, or a sandbox forbids it. Raises
    `OSError` where this process or host has no descriptor or memory left: a file would take one, too."""
    if not hasattr(os, "memfd_create") or not os.access(_DESCRIPTORS, os.X_OK):
        return None
    try:
        return os.memfd_create("bwc", os.MFD_CLOEXEC)
    except OSError as error:
        if error.errno in _NONE_LEFT:
            raise
        return None


@contextmanager
def _file(content: bytes) -> Iterator[str]:
    """A path at which this user alone can read the content, until the end of the block."""
    memory = _memory_file()
    if memory is not None:
        with os.fdopen(memory, "wb") as file:
            file.write(content)
            file.flush()
            yield f"{_DESCRIPTORS}/{memory}"
        return
    import tempfile  # seldom needed, and a hundredth of a second

    with tempfile.TemporaryDirectory(prefix="bwc-") as folder:  # of mode 0700
        path = f"{folder}/identity.pem"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        yield path
