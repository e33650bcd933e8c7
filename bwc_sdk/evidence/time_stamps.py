"""Time stamps of an authority (RFC 3161): that bytes existed at a time, by the word of one who has no part in them.

The authority sees a hash and nothing else. What it answers is kept as it came, so that `openssl ts -verify` takes it.
All functions block.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bwc_sdk.errors import TimeStampError, TimeStampUnavailable
from bwc_sdk.host.required_packages import require

if TYPE_CHECKING:
    from cryptography import x509

ANSWER_MAX: Final = 65_536
"""Bytes of an answer: a token with a chain of four certificates has less than 10,000."""
WAIT_S: Final = 15.0
"""How long an authority may stay silent."""
WHOLE_S: Final = 60.0
"""How long it may take in all: an answer has a few thousand bytes."""
EXTRA: Final = "evidence"
WHAT: Final = "a time stamp"
QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What an authority has vouched for."""

    utc_ns: int
    """When, by the authority's clock: nanoseconds since 1970."""
    authority: str
    """Subject of the certificate that signed it (RFC 4514)."""
    policy: str
    """Object identifier of the policy that it was issued under."""


class _StayHere(urllib.request.HTTPRedirectHandler):
    """An authority that sends elsewhere is not the one that was named."""

    def redirect_request(self, *_: object) -> None:
        return None


def fetch_time_stamp(payload: bytes, url: str, roots: Sequence[bytes]) -> bytes:
    """Has the authority at `url` (http or https) stamp `payload`; gives its answer (DER), verified.

    `roots` are the certificates (DER) that the authority's is issued below. Raises `TimeStampUnavailable` where asking
    again later may help, `TimeStampError` for an answer that is none or does not verify, and `MissingExtra`.
    """
    require("rfc3161-client", WHAT, EXTRA)
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise TimeStampError(
            "the address of a time-stamping authority begins with http:// or https://", device=url
        )
    query = TimestampRequestBuilder().data(payload).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = _ask(url, query.as_bytes())
    _verified(answer, payload, roots, nonce=query.nonce, device=url)
    return answer


def verify_time_stamp(answer: bytes, payload: bytes, roots: Sequence[bytes]) -> TimeStamp:
    """Verifies an answer that was kept, for the bytes that it is about; certificates are judged at its own time.

    Raises `TimeStampError` and `MissingExtra`.
    """
    require("rfc3161-client", WHAT, EXTRA)
    return _verified(answer, payload, roots, nonce=None, device="")


def _ask(url: str, query: bytes) -> bytes:
    """The answer, or its error, within `WHOLE_S`: one that comes byte by byte is no answer. Whoever still waits for it
    then ends with the process."""
    answers: SimpleQueue[bytes | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_exchange(url, query))
        except Exception as error:  # of any kind: it is raised below
            answers.put(error)

    Thread(target=ask, name="time stamp", daemon=True).start()
    try:
        answer = answers.get(timeout=WHOLE_S)
    except Empty:
        raise TimeStampUnavailable(f"it takes longer than {WHOLE_S:g} s", device=url) from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _exchange(url: str, query: bytes) -> bytes:
    request = urllib.request.Request(url, data=query, headers={"Content-Type": QUERY, "Accept": REPLY})
    try:
        with urllib.request.build_opener(_StayHere).open(request, timeout=WAIT_S) as reply:
            answer: bytes = reply.read(ANSWER_MAX + 1)
    except urllib.error.HTTPError as error:
        with error:
            said = f"it answers {error.code} {error.reason}"
        if error.code >= 500 or error.code in (408, 429):
            raise TimeStampUnavailable(said, device=url) from error
        raise TimeStampError(said, device=url, advice="look at the address") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise TimeStampUnavailable(f"it cannot be reached: {reason}", device=url) from error
    if len(answer) > ANSWER_MAX:
        raise TimeStampError(f"it answers with more than {ANSWER_MAX} bytes", device=url)
    return answer


def _verified(
    answer: bytes, payload: bytes, roots: Sequence[bytes], *, nonce: int | None, device: str
) -> TimeStamp:
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    if len(answer) > ANSWER_MAX:
        raise TimeStampError(f"it has more than {ANSWER_MAX} bytes", device=device)
    trusted = _certificates(roots)
    try:
        found = decode_timestamp_response(answer)
        if found.status != 0:
            said = ", ".join(found.status_string) or "it does not say why"
            raise TimeStampError(f"the authority refused: {said}", device=device)
        verifier = VerifierBuilder(roots=trusted, nonce=nonce).build()
        verifier.verify_message(found, payload)
        facts = found.tst_info
        (signer,) = found.signed_data.signer_infos
    except TimeStampError:
        raise
    except VerificationError as error:
        raise TimeStampError(f"the time stamp does not verify: {error}", device=device) from error
    except Exception as error:  # of many kinds, by what is wrong with the bytes
        raise TimeStampError(
            f"it is no time stamp: {type(error).__name__}: {error}", device=device
        ) from error
    named = next(
        (
            certificate.subject.rfc4514_string()
            for certificate in _certificates(tuple(found.signed_data.certificates))
            if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number)
        ),
        "",
    )
    return TimeStamp(int(facts.gen_time.timestamp()) * 1_000_000_000, named, facts.policy.dotted_string)


def _certificates(ders: Sequence[bytes]) -> list[x509.Certificate]:
    from cryptography import x509

    try:
        return [x509.load_der_x509_certificate(der) for der in ders]
    except ValueError as error:
        raise TimeStampError(f"a certificate cannot be read: {error}") from error
