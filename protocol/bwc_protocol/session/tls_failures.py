"""What OpenSSL's failures and a peer's alerts mean: which check did not hold, in words (spec: Secure session)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

from bwc_protocol.certificates.checks import Check
from bwc_protocol.session.interface import Alert, SessionFailed


@dataclass(frozen=True, slots=True)
class Ends:
    """How the two ends are called in the words."""

    own: str
    peer: str
    lab: bool
    """Whether this end belongs to a lab."""

    @property
    def agency(self) -> str:
        return "lab" if self.lab else "agency"


_CHAIN: Final = "it does not come from the {agency} of this {own}: no root that is held here has issued it"
_FORM: Final = "it breaks a rule that every certificate keeps (RFC 5280)"
_VERIFY: Final[dict[int, tuple[Check, str]]] = {
    9: (Check.TIME, "it is not valid yet"),
    10: (Check.TIME, "it has expired"),
    22: (Check.CHAIN, "too many CAs stand between it and a root"),
    23: (Check.DENIED, "it is revoked"),
    24: (Check.CHAIN, "what issued it is no CA"),
    25: (Check.CHAIN, "an issuing CA issues leaves alone, and this one has issued a CA"),
    26: (Check.PURPOSE, "it is not for the {peer} of a session"),
    30: (Check.ISSUER, "it names another issuer's key than the one that signed it"),
    32: (Check.CHAIN, "what issued it may not sign certificates"),
    34: (Check.LAB, "it has a critical extension that is not taken here: it belongs to a lab"),
    39: (Check.PURPOSE, "its key may not sign"),
    66: (Check.KEY, "its key is too small"),
    67: (Check.KEY, "its CA's key is too small"),
    68: (Check.KEY, "its CA signs by an algorithm that is too weak"),
    79: (Check.CHAIN, "what issued it is no CA"),
    85: (Check.ISSUER, "it does not name its issuer's key"),
    89: (Check.CHAIN, "what issued it is no CA of this profile"),
    92: (Check.CHAIN, "what issued it may not sign certificates"),
    94: (Check.KEY, "its key spells out a curve instead of naming P-256"),
    **dict.fromkeys((13, 14, 41, 80, 81, 82, 83, 84, 86, 87, 88, 90, 91, 93), (Check.FORM, _FORM)),
}
"""By `X509_V_ERR_*` of OpenSSL; what is not here is a matter of the chain."""

_TLS_1_3: Final = (Check.PROTOCOL, "the {peer} does not speak TLS 1.3")
_P_256: Final = (Check.PROTOCOL, "the {peer} does not offer a key exchange and signatures on P-256")
_OWN: Final[dict[str, tuple[Check, str]]] = {
    "UNSUPPORTED_PROTOCOL": _TLS_1_3,
    "WRONG_SSL_VERSION": _TLS_1_3,
    "VERSION_TOO_LOW": _TLS_1_3,
    "NO_SUITABLE_KEY_SHARE": _P_256,
    "NO_SHARED_GROUPS": _P_256,
    "NO_SHARED_GROUP": _P_256,
    "NO_SUITABLE_GROUPS": _P_256,
    "WRONG_CURVE": _P_256,
    "BAD_KEY_SHARE": _P_256,
    "NO_SUITABLE_SIGNATURE_ALGORITHM": _P_256,
    "NO_SHARED_SIGNATURE_ALGORITHMS": _P_256,
    "NO_SHARED_CIPHER": (Check.CIPHER, "the {peer} does not offer AES-GCM"),
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": (Check.CHAIN, "the {peer} shows no certificate"),
    "BAD_SIGNATURE": (Check.KEY, "the {peer} does not have the key of the certificate that it shows"),
}
"""By the reason of an `SSLError` that is this end's own."""

ALERTS: Final[dict[str, tuple[Check, str]]] = {
    "UNKNOWN_CA": (
        Check.CHAIN,
        "it does not know the root of this {own}'s certificate: it belongs to another agency or another lab",
    ),
    "BAD_CERTIFICATE": (Check.FORM, "it cannot use this {own}'s certificate"),
    "UNSUPPORTED_CERTIFICATE": (Check.PURPOSE, "this {own}'s certificate is not for that"),
    "CERTIFICATE_REVOKED": (Check.DENIED, "this {own}'s certificate is revoked"),
    "CERTIFICATE_EXPIRED": (Check.TIME, "this {own}'s certificate has expired"),
    "CERTIFICATE_REQUIRED": (Check.CHAIN, "it asks for a certificate"),
    "CERTIFICATE_UNKNOWN": (Check.FORM, "it does not take this {own}'s certificate"),
    "ACCESS_DENIED": (Check.ROLE, "it gives this {own} no access"),
    "DECRYPT_ERROR": (Check.KEY, "it finds a signature of this {own} wrong"),
    "HANDSHAKE_FAILURE": (Check.PROTOCOL, "it finds nothing of TLS that both ends can do"),
    "PROTOCOL_VERSION": (Check.PROTOCOL, "it does not speak TLS 1.3"),
    "INSUFFICIENT_SECURITY": (Check.PROTOCOL, "it asks for more than TLS 1.3 of this protocol gives"),
    "MISSING_EXTENSION": (Check.PROTOCOL, "it misses an extension of TLS"),
}
"""By the name of a TLS alert. The other alerts say that something is broken, not refused."""
_LAB_CERTIFICATE: Final = (
    Check.LAB,
    "it does not take this {own}'s certificate, which is a lab's: no device outside that lab does",
)


def failed(error: ssl.SSLError, ends: Ends) -> SessionFailed:
    """What the session says of a failure of OpenSSL's."""
    reason = error.reason or "no reason given"
    if isinstance(error, ssl.SSLCertVerificationError):
        check, words = _VERIFY.get(error.verify_code, (Check.CHAIN, _CHAIN))
        return refused(check, words.format(agency=ends.agency, own=ends.own, peer=ends.peer), ends)
    _, alerted, alert = reason.partition("_ALERT_")
    if alerted:
        return _told(alert, ends)
    if reason in _OWN:
        check, words = _OWN[reason]
        detail = words.format(own=ends.own, peer=ends.peer)
        return SessionFailed(Alert.REFUSED, f"{detail} (check: {check})", by_peer=False, check=check)
    if reason == "DECRYPTION_FAILED_OR_BAD_RECORD_MAC":
        return broken("a record was changed, left out, repeated or made up on the way")
    return broken(f"TLS is broken: {_words(reason)}")


def refused(check: Check, detail: str, ends: Ends) -> SessionFailed:
    """This end does not take the peer's certificate."""
    text = f"the {ends.peer}'s certificate is refused: {detail} (check: {check})"
    return SessionFailed(Alert.REFUSED, text, by_peer=False, check=check)


def broken(detail: str) -> SessionFailed:
    """What came breaks a rule of the session."""
    return SessionFailed(Alert.MALFORMED, detail, by_peer=False)


def _told(alert: str, ends: Ends) -> SessionFailed:
    known = ALERTS.get(alert)
    if known is None:
        text = f"the {ends.peer} ended the session: TLS alert {_words(alert)}"
        return SessionFailed(Alert.MALFORMED, text, by_peer=True)
    if ends.lab and alert == "CERTIFICATE_UNKNOWN":
        known = _LAB_CERTIFICATE
    check, words = known
    text = f"the {ends.peer} refuses the session: {words.format(own=ends.own)} (check: {check})"
    return SessionFailed(Alert.REFUSED, text, by_peer=True, check=check)


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
