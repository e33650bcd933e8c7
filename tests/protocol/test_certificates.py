"""The certificate profile: what is made by it passes, and each check refuses what it is there for."""

import dataclasses
import datetime as dt
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type

from bwc_protocol.certificates.chain import verify_chain
from bwc_protocol.certificates.checks import CHECKS, Check, PeerRefused, Standing, Trust, check_peer, standing
from bwc_protocol.certificates.facts import CertificateFacts, MalformedCertificate, read_certificate
from bwc_protocol.certificates.issue import (
    Issuance,
    Issuer,
    make_device,
    make_factory,
    make_host,
    make_issuing,
    make_request,
    make_root,
    new_key,
    read_request,
)
from bwc_protocol.certificates.profile import LAB_OID
from bwc_protocol.declare import Role
from bwc_protocol.vocabulary import PeerKind

START_S, END_S = 1_700_000_000, 1_800_000_000


def issuance(lab: str = "", *, until_s: int = END_S) -> Issuance:
    return Issuance(not_before_s=START_S, not_after_s=until_s, entropy=lambda n: b"\x55" * n, lab=lab)


@dataclasses.dataclass(frozen=True)
class Agency:
    root: Issuer
    issuing: Issuer

    @staticmethod
    def new(lab: str = "") -> "Agency":
        key, below = new_key(), new_key()
        root = Issuer(make_root(key, "Harbour Police", "root", issuance(lab)), key)
        issuing = make_issuing(root, below.public_key(), "issuing 1", issuance(lab))
        return Agency(root, Issuer(issuing, below))


AGENCY, LAB = Agency.new(), Agency.new("lab 1")


def host(roles: Role = Role.TECHNICIAN, agency: Agency = AGENCY, **given: Any) -> CertificateFacts:
    return read_certificate(
        make_host(agency.issuing, new_key().public_key(), "desk 4", roles, issuance(**given))
    )


def device(agency: Agency = AGENCY, **given: Any) -> CertificateFacts:
    key = new_key().public_key()
    return read_certificate(make_device(agency.issuing, key, "SIM0001", PeerKind.CAMERA, issuance(**given)))


def factory() -> CertificateFacts:
    key = new_key().public_key()
    return read_certificate(make_factory(AGENCY.issuing, key, "SIM0001", PeerKind.CAMERA, issuance()))


TO_HOST = Trust()
TO_DEVICE = Trust(kind=PeerKind.CAMERA)


class Denied:
    def denies(self, certificate: CertificateFacts) -> str | None:
        return f"{certificate.name} was stolen"


def other(facts: CertificateFacts, **changes: Any) -> CertificateFacts:
    return dataclasses.replace(facts, **changes)


REFUSED: list[tuple[Check, Callable[[], CertificateFacts], Trust]] = [
    (Check.KEY, lambda: other(host(), curve="secp384r1"), TO_HOST),
    (Check.PURPOSE, lambda: other(host(), purposes=frozenset()), TO_HOST),
    (Check.PURPOSE, lambda: other(host(), signs=False), TO_HOST),
    (Check.PURPOSE, lambda: other(host(), is_ca=True), TO_HOST),
    (Check.PURPOSE, host, TO_DEVICE),
    (Check.ISSUER, lambda: other(host(), issuer_key_id=b""), TO_HOST),
    (Check.FACTORY, factory, TO_DEVICE),
    (Check.FACTORY, device, Trust(kind=PeerKind.CAMERA, factory=True)),
    (Check.LAB, lambda: host(agency=LAB, lab="lab 1"), TO_HOST),
    (Check.LAB, host, Trust(lab="lab 1")),
    (Check.LAB, lambda: host(agency=LAB, lab="lab 1"), Trust(lab="lab 2")),
    (Check.KIND, device, Trust(kind=PeerKind.STATION)),
    (Check.KIND, lambda: other(host(), kinds=frozenset({PeerKind.CAMERA})), TO_HOST),
    (Check.ROLE, lambda: other(host(), roles=Role.EVIDENCE_RECIPIENT), TO_HOST),
    (Check.ROLE, lambda: other(host(), roles=Role.DESTINATION | Role.DOCK_OFFLOAD), TO_HOST),
    (Check.FLOOR, host, Trust(floor_s=END_S + 1)),
    (Check.DENIED, host, Trust(denied=Denied())),
    (Check.LOCKED, lambda: host(Role.BENCH), Trust(refused_roles=Role.BENCH)),
    (Check.LOCKED, lambda: host(Role.BENCH | Role.TECHNICIAN), Trust(refused_roles=Role.BENCH)),
]


@pytest.mark.rule(
    "CER-005",
    "CER-006",
    "CER-007",
    "CER-008",
    "CER-009",
    "CER-010",
    "CER-011",
    "CER-012",
    "CER-013",
    "ROL-003",
)
@pytest.mark.parametrize(("check", "facts", "trust"), REFUSED, ids=lambda value: getattr(value, "value", ""))
def test_each_check_refuses_by_its_name_and_nothing_else_does(
    check: Check, facts: Callable[[], CertificateFacts], trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PeerRefused) as refused:
        check_peer(facts(), trust)
    assert refused.value.check is check, refused.value.detail
    monkeypatch.setitem(CHECKS, check, lambda facts, trust: None)
    try:
        check_peer(facts(), trust)
    except PeerRefused as other_check:
        assert other_check.check is not check


def test_every_check_of_a_leaf_has_such_a_case() -> None:
    assert {check for check, _, _ in REFUSED} == set(CHECKS)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.EVIDENCE_RECIPIENT and role < 64])
def test_a_host_of_the_agency_passes_under_each_role(role: Role) -> None:
    facts = host(role)
    check_peer(facts, TO_HOST)
    assert (facts.kind, facts.roles, facts.name, facts.agency) == (
        PeerKind.HOST,
        role,
        "desk 4",
        "Harbour Police",
    )


def test_devices_pass_with_their_kind_and_a_factory_says_only_which_device_it_is() -> None:
    check_peer(device(), TO_DEVICE)
    check_peer(device(LAB, lab="lab 1"), Trust(kind=PeerKind.CAMERA, lab="lab 1"))
    check_peer(factory(), Trust(kind=PeerKind.CAMERA, factory=True))
    assert standing(factory(), END_S * 2) is Standing.FACTORY


@pytest.mark.rule("CER-012")
def test_a_floor_refuses_what_ended_before_it_and_nothing_that_began_after_it() -> None:
    check_peer(host(), Trust(floor_s=END_S))
    check_peer(host(until_s=END_S + 1), Trust(floor_s=END_S + 1))


def test_standing_is_that_of_the_time_at_which_it_is_asked() -> None:
    facts = device()
    assert [standing(facts, at) for at in (START_S - 1, START_S, END_S, END_S + 1)] == [
        Standing.NOT_YET_VALID,
        Standing.GOOD,
        Standing.GOOD,
        Standing.EXPIRED,
    ]


@pytest.mark.rule("CER-001")
@pytest.mark.parametrize("alone", [Role.DESTINATION, Role.EVIDENCE_RECIPIENT])
def test_what_stands_alone_is_not_issued_with_another_role(alone: Role) -> None:
    with pytest.raises(ValueError, match="stands alone"):
        host(alone | Role.TECHNICIAN)


def test_an_evidence_recipient_agrees_on_keys_and_signs_nothing() -> None:
    facts = host(Role.EVIDENCE_RECIPIENT)
    assert facts.agrees and not facts.signs and not facts.purposes & {"1.3.6.1.5.5.7.3.1"}


# Chains without TLS


def test_a_chain_is_verified_up_to_one_of_the_roots() -> None:
    leaf = device().der
    facts = verify_chain(leaf, AGENCY.issuing.certificate, [LAB.root.certificate, AGENCY.root.certificate])
    assert facts.name == "SIM0001"


@pytest.mark.rule("CER-003")
def test_a_chain_of_another_agency_or_a_wrong_step_is_refused() -> None:
    leaf, issuing, root = device().der, AGENCY.issuing.certificate, AGENCY.root.certificate
    stranger = Agency.new()
    wrong = [
        (leaf, issuing, [stranger.root.certificate]),
        (leaf, stranger.issuing.certificate, [root, stranger.root.certificate]),
        (leaf, root, [root]),
        (issuing, issuing, [root]),
        (issuing, root, [root]),
        (leaf, issuing, []),
    ]
    for of_leaf, of_issuing, roots in wrong:
        with pytest.raises(PeerRefused) as refused:
            verify_chain(of_leaf, of_issuing, roots)
        assert refused.value.check is Check.CHAIN


def test_a_chain_of_a_lab_is_verified_for_that_lab_alone() -> None:
    leaf = device(LAB, lab="lab 1").der
    verify_chain(leaf, LAB.issuing.certificate, [LAB.root.certificate], lab="lab 1")
    for lab in ("", "lab 2"):
        with pytest.raises(PeerRefused) as refused:
            verify_chain(leaf, LAB.issuing.certificate, [LAB.root.certificate], lab=lab)
        assert refused.value.check is Check.LAB


def test_no_bit_of_a_leaf_can_be_changed() -> None:
    leaf = device().der
    for at in range(0, len(leaf), 7):
        changed = bytearray(leaf)
        changed[at] ^= 1 << at % 8
        with pytest.raises(PeerRefused):
            verify_chain(bytes(changed), AGENCY.issuing.certificate, [AGENCY.root.certificate])


# Requests and hostile certificates


def test_a_request_gives_its_name_and_key_back() -> None:
    key = new_key()
    name, public = read_request(make_request(key, "SIM0001"))
    assert (name, public) == ("SIM0001", key.public_key())


@pytest.mark.rule("CER-002")
def test_a_request_that_is_changed_or_of_another_key_is_refused() -> None:
    request = make_request(new_key(), "SIM0001")
    for at, bits in itertools.product(range(len(request)), (0x20, 0x6F, 0x80)):
        changed = bytearray(request)
        changed[at] ^= bits
        with pytest.raises(MalformedCertificate):
            read_request(bytes(changed))
    weak = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "SIM0001")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for der in (
        builder.sign(weak, hashes.SHA256()).public_bytes(Encoding.DER),
        builder.sign(ec.generate_private_key(ec.SECP384R1()), hashes.SHA256()).public_bytes(Encoding.DER),
        b"",
        bytes(2_000),
    ):
        with pytest.raises(MalformedCertificate):
            read_request(der)


@pytest.mark.rule("CER-004")
def test_what_is_no_certificate_is_malformed() -> None:
    for der in (b"", b"\x30\x82", bytes(100), bytes(3_000), device().der + b"\0", device().der[:-1]):
        with pytest.raises(MalformedCertificate):
            read_certificate(der)


@pytest.mark.rule("CER-004")
@pytest.mark.filterwarnings("ignore:Attribute's length")  # says cryptography where such a name is made
@pytest.mark.parametrize("of", [x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME])
@pytest.mark.parametrize(
    "values", [["a", "b"], ["é" * 33], ["a\nb"], ["\u202ea"]], ids=["two", "long", "line", "bidi"]
)
def test_a_name_is_one_short_printable_text(of: x509.ObjectIdentifier, values: list[str]) -> None:
    key = new_key()
    name = x509.Name([x509.NameAttribute(of, value, _validate=False) for value in values])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(x509.load_der_x509_certificate(device().der).not_valid_before_utc)
        .not_valid_after(x509.load_der_x509_certificate(device().der).not_valid_after_utc)
    )
    made = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    with warnings.catch_warnings(record=True) as said, pytest.raises(MalformedCertificate, match="printable"):
        warnings.simplefilter("always")
        read_certificate(made)
    assert said == [], "whoever shows such a certificate writes into its peer's terminal"


@pytest.mark.parametrize("length", [0, 65, 1_000])
@pytest.mark.filterwarnings("ignore:Attribute's length")
def test_a_request_with_a_name_that_is_too_long_or_none_is_refused_without_a_word(length: int) -> None:
    key = new_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x" * length, _validate=False)])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    with warnings.catch_warnings(record=True) as said, pytest.raises(MalformedCertificate):
        warnings.simplefilter("always")
        read_request(made.public_bytes(Encoding.DER))
    assert said == []


@pytest.mark.rule("CER-009")
@pytest.mark.parametrize(
    ("critical", "value"),
    [(False, b"\x0c\x01a"), (True, b"\x0c\x02a"), (True, b"a"), (True, b""), (True, b"\x0c\x01\x07")],
)
def test_a_lab_extension_is_critical_and_one_text(critical: bool, value: bytes) -> None:
    key = new_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(x509.load_der_x509_certificate(device().der).not_valid_before_utc)
        .not_valid_after(x509.load_der_x509_certificate(device().der).not_valid_after_utc)
        .add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(LAB_OID), value), critical=critical)
    )
    with pytest.raises(MalformedCertificate):
        read_certificate(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


@pytest.mark.rule("CER-004")
def test_whatever_is_wrong_with_a_certificate_is_one_error() -> None:
    """Its version, its serial number, its times: a library has a kind of error for each."""
    good = host().der
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for at in range(len(good)):
            for value in (good[at] ^ 0x01, good[at] ^ 0x80, 0x00, 0xFF):
                try:
                    read_certificate(good[:at] + bytes([value]) + good[at + 1 :])
                except MalformedCertificate:
                    pass
    assert said == [], "not a word on stderr of what a stranger shows"


def test_the_subject_is_read_as_a_library_reads_it() -> None:
    """Of certificates and requests alike, and of other texts than UTF-8."""
    key = new_key()
    for text, tag in (("Zoë 1", 0x0C), ("Zoe 1", 0x13), ("Zoe 1", 0x16), ("Zoë 1", 0x1E)):
        kind = next(one for one in _ASN1Type if one.value == tag)
        name = x509.Name(
            [
                x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Sheriff of X"),
                x509.NameAttribute(x509.NameOID.COMMON_NAME, text, kind),
            ]
        )
        made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        assert read_request(made.public_bytes(Encoding.DER))[0] == text
    for facts in (host(), device(), factory()):
        library = x509.load_der_x509_certificate(facts.der)
        (own,) = library.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        assert (facts.name, facts.serial) == (own.value, library.serial_number)


def test_a_certificate_in_a_log_is_a_line_that_says_whose_it_is() -> None:
    assert (
        repr(host())
        == f"<certificate {host().serial:x} of {host().name!r} ({host().roles}; {host().agency})>"
    )
    assert "factory" in repr(factory())
    for facts in (host(), device(), factory(), read_certificate(AGENCY.root.certificate)):
        assert len(repr(facts)) < 250 and "\\x" not in repr(facts)


def test_a_ca_whose_extensions_stand_in_another_order_is_a_ca_all_the_same() -> None:
    """As an external CA may write them: key usage before basic constraints, and no digitalSignature."""
    key = new_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Harbour Police")])
    usage = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(dt.datetime.fromtimestamp(START_S, dt.UTC))
        .not_valid_after(dt.datetime.fromtimestamp(END_S, dt.UTC))
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .sign(key, hashes.SHA256())
    )
    facts = read_certificate(made.public_bytes(Encoding.DER))
    assert facts.is_ca and facts.signs


def test_the_mark_of_a_lab_is_the_last_extension() -> None:
    """OpenSSL reads none behind a critical one that it does not know, not even whether constraints are critical."""
    for der in (
        LAB.root.certificate,
        LAB.issuing.certificate,
        host(agency=LAB, lab="lab 1").der,
        device(LAB, lab="lab 1").der,
    ):
        *others, last = x509.load_der_x509_certificate(der).extensions
        assert last.oid.dotted_string == LAB_OID and last.critical
        assert LAB_OID not in [one.oid.dotted_string for one in others]
