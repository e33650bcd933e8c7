"""Verifies leaf, issuing CA and root without TLS: at enrolment and for signed documents (spec: Certificates, Chain)."""

from __future__ import annotations

from collections.abc import Sequence

from bwc_protocol.certificates.checks import Check, PeerRefused
from bwc_protocol.certificates.facts import (
    CertificateFacts,
    MalformedCertificate,
    lab_in_words,
    read_certificate,
)
from bwc_protocol.certificates.profile import CURVE, ECDSA_SHA256


def verify_chain(leaf: bytes, issuing: bytes, roots: Sequence[bytes], *, lab: str = "") -> CertificateFacts:
    """Verifies that one of the roots issued `issuing` and that issued `leaf` (all DER); gives what the leaf says.

    `roots` are trusted as they are; times are judged by whoever knows one. Raises `PeerRefused` with `Check.CHAIN`,
    `FORM`, `KEY` or `LAB`.
    """
    of_leaf, of_issuing = (_read(der, what) for der, what in ((leaf, "leaf"), (issuing, "issuing CA")))
    for root in roots:
        of_root = _read(root, "root")
        if of_root.key_id and of_root.key_id == of_issuing.issuer_key_id:
            break
    else:
        raise PeerRefused(Check.CHAIN, "no root that is held here has issued its issuing CA")
    _check_root(of_root, "root")
    _check_ca(of_issuing, "issuing CA", path_length=0)
    _signed(of_issuing, of_root, "issuing CA")
    _signed(of_leaf, of_issuing, "leaf")
    if of_leaf.is_ca:
        raise PeerRefused(Check.CHAIN, "the leaf is a CA")
    for facts, what in ((of_leaf, "leaf"), (of_issuing, "issuing CA"), (of_root, "root")):
        _check_key(facts, what)
        if facts.lab != lab:
            raise PeerRefused(
                Check.LAB, f"the {what} is of {lab_in_words(facts.lab)}, not of {lab_in_words(lab)}"
            )
    return of_leaf


def verify_root(der: bytes, what: str) -> CertificateFacts:
    """What a certificate (DER) says that may become an anchor: a CA of the profile, signed by itself.

    `what` is how the words call it. Raises `PeerRefused` with `Check.CHAIN`, `FORM` or `KEY`.
    """
    facts = _read(der, what)
    if not facts.key_id:
        raise PeerRefused(Check.CHAIN, f"the {what} does not name its key")
    _check_root(facts, what)
    _check_key(facts, what)
    return facts


def _read(der: bytes, what: str) -> CertificateFacts:
    try:
        return read_certificate(der)
    except MalformedCertificate as error:
        raise PeerRefused(Check.FORM, f"the {what} cannot be read: {error}") from error


def _check_root(facts: CertificateFacts, what: str) -> None:
    _check_ca(facts, what, path_length=1)
    _signed(facts, facts, what)


def _check_key(facts: CertificateFacts, what: str) -> None:
    if facts.curve != CURVE or facts.signature != ECDSA_SHA256:
        raise PeerRefused(
            Check.KEY, f"the {what} does not have a key on {CURVE}, signed by ECDSA with SHA-256"
        )


def _check_ca(facts: CertificateFacts, what: str, *, path_length: int) -> None:
    if not (facts.is_ca and facts.signs and facts.path_length == path_length):
        raise PeerRefused(Check.CHAIN, f"the {what} is no CA with a path of at most {path_length}")


def _signed(facts: CertificateFacts, issuer: CertificateFacts, what: str) -> None:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    if facts is not issuer and facts.issuer_key_id != issuer.key_id:
        raise PeerRefused(Check.CHAIN, f"the {what} does not name the key of the CA above it")
    try:
        x509.load_der_x509_certificate(facts.der).verify_directly_issued_by(
            x509.load_der_x509_certificate(issuer.der)
        )
    except (ValueError, TypeError, InvalidSignature) as error:
        by = "itself" if facts is issuer else "the CA above it"
        raise PeerRefused(Check.CHAIN, f"the {what} is not signed by {by}") from error
