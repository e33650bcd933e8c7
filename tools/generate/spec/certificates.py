"""The tables of the certificate profile: read from certificates that `issue` has just made (spec: Certificates)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography import x509

from bwc_protocol.certificates.checks import CHECKS, Check
from bwc_protocol.certificates.issue import (
    Issuance,
    Issuer,
    make_device,
    make_factory,
    make_host,
    make_issuing,
    make_root,
    new_key,
)
from bwc_protocol.certificates.profile import (
    ARC,
    CLIENT_AUTH,
    FACTORY_OID,
    FOREVER_S,
    KIND_OIDS,
    LAB_OID,
    ROLE_OIDS,
    SERVER_AUTH,
)
from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind
from tools.generate.source_docs import member_docs

_ISSUANCE: Final = Issuance(
    not_before_s=1_767_225_600, not_after_s=1_798_761_600, entropy=lambda n: b"\x01" * n, lab="some lab"
)
_ROLE, _KIND = "a role", "a kind"
_PURPOSES: Final = (
    {SERVER_AUTH: "serverAuth", CLIENT_AUTH: "clientAuth", FACTORY_OID: "factory"}
    | dict.fromkeys(ROLE_OIDS.values(), _ROLE)
    | dict.fromkeys(KIND_OIDS.values(), _KIND)
)

_AT_ONCE: Final = (Check.PROTOCOL, Check.CHAIN, Check.CIPHER, Check.FORM)
"""What the handshake and the reading of the certificate show, before what the leaf says is judged."""
_AT_LAST: Final = (Check.BINDING, Check.TIME)
_ONE_SIDED: Final = {
    Check.ROLE: "device",
    Check.FLOOR: "device",
    Check.LOCKED: "device",
    Check.TIME: "host",
}
"""Checks that only one end makes; all others are made by both."""


def oids() -> str:
    """What lies under the arc of this protocol."""
    rows = [(oid, "EKU", f"role `{role.name}`") for role, oid in ROLE_OIDS.items()]
    rows += [(oid, "EKU", f"kind `{kind.name}`: what the device is") for kind, oid in KIND_OIDS.items()]
    rows.append((FACTORY_OID, "EKU", "a certificate from a factory: IDevID"))
    rows.append(
        (LAB_OID, "extension, critical", "a certificate of a lab agency; the value is a UTF8String, its id")
    )
    return _table(
        ("object identifier", "where", "meaning"),
        [(f"`arc{oid.removeprefix(ARC)}`", where, meaning) for oid, where, meaning in rows],
    )


def profile() -> str:
    """Each kind of certificate, field by field."""
    kinds = _one_of_each()
    rows = [(title, *(read(one) for one in kinds.values())) for title, read in _FIELDS.items()]
    return _table(("field", *kinds), rows)


def checks() -> str:
    """The checks in their order, and who makes them."""
    order = [*_AT_ONCE, *CHECKS, *_AT_LAST]
    assert sorted(order) == sorted(Check), "every check has its place"
    docs = member_docs(Check)
    return _table(
        ("#", "check", "made by", "what has to hold"),
        [
            (str(n), f"`{check.value}`", _ONE_SIDED.get(check, "both"), docs[check.name])
            for n, check in enumerate(order, 1)
        ],
    )


def _one_of_each() -> dict[str, x509.Certificate]:
    root_key, issuing_key, key = new_key(), new_key(), new_key().public_key()
    root = Issuer(make_root(root_key, "agency", "root", _ISSUANCE), root_key)
    below = Issuer(make_issuing(root, issuing_key.public_key(), "issuing", _ISSUANCE), issuing_key)
    made = {
        "root, standby root": root.certificate,
        "issuing CA": below.certificate,
        "host": make_host(below, key, "name", Role.TECHNICIAN, _ISSUANCE),
        "evidence recipient": make_host(below, key, "name", Role.EVIDENCE_RECIPIENT, _ISSUANCE),
        "device (LDevID)": make_device(below, key, "name", PeerKind.CAMERA, _ISSUANCE),
        "factory (IDevID)": make_factory(below, key, "name", PeerKind.CAMERA, _ISSUANCE),
    }
    return {title: x509.load_der_x509_certificate(der) for title, der in made.items()}


def _constraints(one: x509.Certificate) -> str:
    value = one.extensions.get_extension_for_class(x509.BasicConstraints).value
    return f"CA, pathLen {value.path_length}" if value.ca else "no CA"


def _usage(one: x509.Certificate) -> str:
    value = one.extensions.get_extension_for_class(x509.KeyUsage).value
    named = {
        "digitalSignature": value.digital_signature,
        "keyAgreement": value.key_agreement,
        "keyCertSign": value.key_cert_sign,
    }
    return ", ".join(name for name, has in named.items() if has)


def _purposes(one: x509.Certificate) -> str:
    try:
        value = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "–"
    return ", ".join(_PURPOSES[purpose.dotted_string] for purpose in value)


def _own_key_id(one: x509.Certificate) -> str:
    return _there(one, x509.SubjectKeyIdentifier)


def _issuer_key_id(one: x509.Certificate) -> str:
    return _there(one, x509.AuthorityKeyIdentifier)


def _there(one: x509.Certificate, of: type[x509.ExtensionType]) -> str:
    return "yes" if any(isinstance(extension.value, of) for extension in one.extensions) else "–"


def _lab(one: x509.Certificate) -> str:
    found = [extension for extension in one.extensions if extension.oid.dotted_string == LAB_OID]
    return "critical" if found and found[0].critical else "–"


def _end(one: x509.Certificate) -> str:
    return "99991231235959Z" if one.not_valid_after_utc.timestamp() == FOREVER_S else "a date"


_FIELDS: Final[dict[str, Callable[[x509.Certificate], str]]] = {
    "basicConstraints, critical": _constraints,
    "keyUsage, critical": _usage,
    "extKeyUsage": _purposes,
    "subjectKeyIdentifier": _own_key_id,
    "authorityKeyIdentifier": _issuer_key_id,
    "lab, if of a lab agency": _lab,
    "notAfter": _end,
}


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
