"""Each check of a secure session is needed: it refuses by its name, and once it is taken away the peer gets in.

What TLS itself finds is here too: OpenSSL's own failures and alerts are told as the check that did not hold.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from bwc_protocol.certificates import checks
from bwc_protocol.certificates.checks import Check
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.issue import Issuer, make_issuing, new_key
from bwc_protocol.certificates.profile import CLIENT_AUTH, KIND_OIDS, ROLE_OIDS, SERVER_AUTH
from bwc_protocol.conversation import Failed, FailReason, LocalInfo, State
from bwc_protocol.conversation.session_setup import Opening
from bwc_protocol.declare import Role
from bwc_protocol.session import tls, tls_context
from bwc_protocol.session.interface import Session, SessionFailed, SessionSide
from bwc_protocol.vocabulary import PeerKind
from tools.testkit.pair import Pair, device_end, host_end
from tools.testkit.secure_ends import (
    ENDS_S,
    Agency,
    RawEnd,
    accepting_context,
    agency,
    carry,
    device_credentials,
    device_session,
    device_sessions,
    host_session,
    host_sessions,
    issuance,
    judge_by,
    only_suite,
    raw_context,
)

HOME, OTHER = agency(), agency("Shelbyville PD")
LAB, OTHER_LAB = agency("a lab", "lab-1"), agency("another lab", "lab-2")
TECHNICIAN = (SERVER_AUTH, ROLE_OIDS[Role.TECHNICIAN])
CAMERA = (CLIENT_AUTH, KIND_OIDS[PeerKind.CAMERA])


def odd(
    purposes: tuple[str, ...] | None,
    *,
    of: Agency = HOME,
    issuing: Issuer | None = None,
    key: Any = None,
    names_issuer: bool = True,
    signs: bool = True,
    extra: tuple[x509.ExtensionType, bool] | None = None,
    name: str = "odd one",
    digest: hashes.HashAlgorithm | None = None,
    issuer_key_id: bytes | None = None,
    is_ca: bool = False,
    critical: bool = True,
) -> Any:
    """A leaf with something wrong with it, as its holder shows it."""
    above = issuing or of.issuing
    key = key or new_key()
    issuer = x509.load_der_x509_certificate(above.certificate)
    times = x509.load_der_x509_certificate(of.device().chain[0])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(times.not_valid_before_utc)
        .not_valid_after(times.not_valid_after_utc)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=critical)
    )
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    usage["key_agreement"], usage["key_cert_sign"] = not signs, is_ca
    builder = builder.add_extension(x509.KeyUsage(digital_signature=signs, **usage), critical=True)
    if names_issuer:
        named = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        value = x509.AuthorityKeyIdentifier(issuer_key_id or named.digest, None, None)
        builder = builder.add_extension(value, critical=False)
    if purposes is not None:
        oids = [ObjectIdentifier(oid) for oid in purposes]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=False)
    if extra is not None:
        builder = builder.add_extension(*extra)
    leaf = builder.sign(above.key, digest or hashes.SHA256()).public_bytes(Encoding.DER)
    return tls.KeyCredentials((leaf, above.certificate), key)


def meet(
    shown: Any, *, by_device: bool, of: Agency = HOME, **trust: Any
) -> tuple[SessionFailed | None, Session]:
    """What our end says of a peer that shows these credentials; `by_device`: our end is the device's."""
    if by_device:
        ours: Session = device_session(of=of, **trust)
        theirs = RawEnd(raw_context(shown, client=False, verify=ssl.CERT_NONE), client=False)
        host, device = theirs, ours
    else:
        ours = host_session(of=of, **trust)
        theirs = RawEnd(raw_context(shown, client=True), client=True)
        theirs.step()
        host, device = ours, theirs
    ours.start()
    carry(host, device)
    if by_device and ours.failure is not None:
        assert theirs.certificate is None and not theirs.done, "the device's certificate got out"
    return ours.failure, ours


def by_host(shown: Any, **given: Any) -> SessionFailed | None:
    return meet(shown, by_device=False, **given)[0]


def by_device(shown: Any, **given: Any) -> SessionFailed | None:
    return meet(shown, by_device=True, **given)[0]


# What OpenSSL itself refuses


@dataclass(frozen=True)
class Refused:
    check: Check
    words: str
    shown: Callable[[], Any]
    given: dict[str, Any]


def below_an_issuing_ca() -> Any:
    """An issuing CA has made itself a CA."""
    key = new_key()
    ca = odd(None, key=key, is_ca=True, name="a CA of my own")
    forged = odd(TECHNICIAN, issuing=Issuer(ca.chain[0], key))
    return tls.KeyCredentials((forged.chain[0], ca.chain[0], HOME.issuing.certificate), forged.key)


def by_a_leaf() -> Any:
    host = HOME.host(Role.TECHNICIAN)
    forged = odd(TECHNICIAN, issuing=Issuer(host.chain[0], host.key))
    return tls.KeyCredentials((forged.chain[0], host.chain[0], HOME.issuing.certificate), forged.key)


def below_a_loose_ca() -> Any:
    """The root's own issuing CA says that it is one, and that nobody needs to know."""
    key = new_key()
    ca = odd(None, issuing=HOME.root, key=key, is_ca=True, critical=False, name="a loose CA")
    return odd(TECHNICIAN, issuing=Issuer(ca.chain[0], key))


def without_issuing() -> Any:
    host = HOME.host()
    return tls.KeyCredentials(host.chain[:1], host.key)


def another_issuing() -> Any:
    """Of the same agency: it is not the anchor that has changed, so this is good."""
    key = new_key()
    ca = make_issuing(HOME.root, key.public_key(), "issuing 2", issuance())
    return odd(TECHNICIAN, issuing=Issuer(ca, key))


BY_TLS = {
    "another agency": Refused(Check.CHAIN, "does not come from the agency", OTHER.host, {}),
    "a lab at a real device": Refused(Check.CHAIN, "does not come from the agency", LAB.host, {}),
    "a lab below a root of ours": Refused(Check.LAB, "belongs to a lab", lambda: LAB.host(), {"of": None}),
    "another lab": Refused(Check.CHAIN, "does not come from the lab", OTHER_LAB.host, {"of": LAB}),
    "a real host at a device of a lab": Refused(Check.CHAIN, "from the lab", HOME.host, {"of": LAB}),
    "no issuing CA": Refused(Check.CHAIN, "no root that is held here", without_issuing, {}),
    "a CA below an issuing CA": Refused(Check.CHAIN, "CA", below_an_issuing_ca, {}),
    "a leaf that issues": Refused(Check.CHAIN, "CA", by_a_leaf, {}),
    "a CA whose constraints are not critical": Refused(
        Check.CHAIN, "no CA of this profile", below_a_loose_ca, {}
    ),
    "no name of the issuer's key": Refused(
        Check.ISSUER, "does not name its issuer's key", lambda: odd(TECHNICIAN, names_issuer=False), {}
    ),
    "another critical extension": Refused(
        Check.LAB,
        "critical extension",
        lambda: odd(
            TECHNICIAN, extra=(x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.99"), b"\5\0"), True)
        ),
        {},
    ),
    "a device's purpose": Refused(Check.PURPOSE, "not for the host", lambda: odd(CAMERA), {}),
    "self-signed": Refused(
        Check.CHAIN,
        "no root that is held here",
        lambda: Agency.new("just me").shown(*_self_signed()),
        {},
    ),
}


def _self_signed() -> tuple[bytes, Any]:
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "me")])
    times = x509.load_der_x509_certificate(HOME.root.certificate)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(times.not_valid_before_utc)
        .not_valid_after(times.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER), key


@pytest.mark.rule("CER-003", "SES-024")
@pytest.mark.parametrize("case", BY_TLS.values(), ids=BY_TLS.keys())
def test_what_openssl_refuses_is_told_by_the_name_of_a_check(case: Refused) -> None:
    of = case.given.get("of", HOME)
    if of is None:  # somebody has put the lab's root among the anchors of a real device
        of = Agency(name=HOME.name, lab="", root=LAB.root, issuing=LAB.issuing)
        device = device_session(of=of, credentials=device_credentials(LAB))
        host = RawEnd(raw_context(case.shown(), client=False), client=False)
        device.start()
        carry(host, device)
        error = device.failure
    else:
        error = by_device(case.shown(), of=of)
    assert error is not None and error.check is case.check, error
    assert case.words in error.detail and error.detail.endswith(f"(check: {case.check})")
    assert not error.by_peer


OF_DEVICES: dict[str, tuple[Check, Callable[[], Any], Agency]] = {
    "another agency": (Check.CHAIN, OTHER.device, HOME),
    "a lab at a real host": (Check.CHAIN, LAB.device, HOME),
    "another lab": (Check.CHAIN, OTHER_LAB.device, LAB),
    "a real device at a host of a lab": (Check.CHAIN, HOME.device, LAB),
    "no name of the issuer's key": (Check.ISSUER, lambda: odd(CAMERA, names_issuer=False), HOME),
    "a host's purpose": (Check.PURPOSE, lambda: odd(TECHNICIAN), HOME),
    "another agency's factory": (Check.CHAIN, lambda: OTHER.device(factory=True), HOME),
}


@pytest.mark.rule("CER-003", "SES-026")
@pytest.mark.parametrize("name", OF_DEVICES)
def test_a_host_refuses_devices_by_the_name_of_a_check_too(name: str) -> None:
    check, shown, of = OF_DEVICES[name]
    error = by_host(shown(), of=of)
    assert error is not None and error.check is check and not error.by_peer
    assert "the device's certificate is refused" in error.detail


@pytest.mark.rule("SES-024")
def test_a_judge_that_breaks_lets_nobody_in() -> None:
    """A defect, or a file that cannot be read: it is no verdict, and the device's certificate stays where it is."""

    def judge(facts: CertificateFacts) -> Any:
        raise OSError("the deny list cannot be read")

    profile = tls.TlsProfile(device_credentials(HOME), HOME.anchors, False, judge)
    device = tls.tls_sessions(profile)(SessionSide(True, "x", Role(0), bytes))
    host = RawEnd(raw_context(HOME.host(), client=False), client=False)
    device.start()
    for data in device.outgoing():
        host.receive(data)
    (answer,) = host.outgoing()
    for piece in (answer, b"", answer):
        with suppress(OSError, SessionFailed):
            device.receive(piece)
        assert device.peer is None and device.outgoing() == []


def test_another_issuing_ca_of_the_same_agency_is_good() -> None:
    assert by_device(another_issuing()) is None


def test_a_standby_root_is_an_anchor_as_well() -> None:
    standby = Agency.new(HOME.name)
    both = Agency(name=HOME.name, lab="", root=HOME.root, issuing=standby.issuing)
    device = tls.TlsProfile(
        device_credentials(HOME),
        (HOME.root.certificate, standby.root.certificate),
        False,
        judge_by(checks.Trust()),
    )
    ours = tls.tls_sessions(device)(SessionSide(True, "x", Role(0), bytes))
    theirs = RawEnd(raw_context(both.shown(*_host_of(standby)), client=False), client=False)
    ours.start()
    carry(theirs, ours)
    assert ours.failure is None and ours.peer is not None


def _host_of(of: Agency) -> tuple[bytes, Any]:
    shown = of.host()
    return shown.chain[0], shown.key


# What the judge refuses, of the device's side and of the host's


class Stolen:
    def denies(self, certificate: CertificateFacts) -> str | None:
        return f"{certificate.name} was stolen"


P_384 = ec.generate_private_key(ec.SECP384R1())
BY_JUDGE: dict[str, tuple[Check, bool, Callable[[], Any], dict[str, Any]]] = {
    # name: check, whether the device is the judge, what the peer shows, what the judge trusts
    "RSA": (Check.KEY, True, lambda: odd(TECHNICIAN, key=rsa.generate_private_key(65_537, 2_048)), {}),
    "P-384": (Check.KEY, True, lambda: odd(TECHNICIAN, key=P_384), {}),
    "Ed25519": (Check.KEY, True, lambda: odd(TECHNICIAN, key=ed25519.Ed25519PrivateKey.generate()), {}),
    "RSA, of a device": (
        Check.KEY,
        False,
        lambda: odd(CAMERA, key=rsa.generate_private_key(65_537, 2_048)),
        {},
    ),
    "P-384, of a device": (Check.KEY, False, lambda: odd(CAMERA, key=P_384), {}),
    "SHA-384": (Check.KEY, True, lambda: odd(TECHNICIAN, digest=hashes.SHA384()), {}),
    "no purpose": (Check.PURPOSE, True, lambda: odd(None), {}),
    "no purpose, of a device": (Check.PURPOSE, False, lambda: odd(None), {}),
    "a key that only agrees on keys": (Check.PURPOSE, True, lambda: odd(TECHNICIAN, signs=False), {}),
    "a CA": (Check.PURPOSE, True, lambda: odd(TECHNICIAN, is_ca=True), {}),
    "no role": (Check.KIND, True, lambda: odd((SERVER_AUTH,)), {}),
    "no session role": (
        Check.ROLE,
        True,
        lambda: odd((SERVER_AUTH, ROLE_OIDS[Role.EVIDENCE_RECIPIENT])),
        {},
    ),
    "destination and dock": (
        Check.ROLE,
        True,
        lambda: odd((SERVER_AUTH, ROLE_OIDS[Role.DESTINATION], ROLE_OIDS[Role.DOCK_OFFLOAD])),
        {},
    ),
    "a device as host": (Check.KIND, True, lambda: odd((SERVER_AUTH, *CAMERA)), {}),
    "a host as device": (Check.KIND, False, lambda: odd((CLIENT_AUTH, *TECHNICIAN)), {}),
    "a station where a camera is due": (Check.KIND, False, lambda: HOME.device(PeerKind.STATION), {}),
    "camera and station": (
        Check.KIND,
        False,
        lambda: odd((*CAMERA, KIND_OIDS[PeerKind.STATION])),
        {},
    ),
    "a factory's": (Check.FACTORY, False, lambda: HOME.device(factory=True), {}),
    "an agency's, where a factory's is due": (Check.FACTORY, False, HOME.device, {"factory": True}),
    "below the floor": (Check.FLOOR, True, HOME.host, {"floor_s": ENDS_S + 1}),
    "denied": (Check.DENIED, True, HOME.host, {"denied": Stolen()}),
    "a denied device": (Check.DENIED, False, HOME.device, {"denied": Stolen()}),
    "bench at a device in service": (Check.LOCKED, True, HOME.host, {"refused_roles": Role.BENCH}),
    "no lab's at a lab": (
        Check.LAB,
        True,
        lambda: odd(TECHNICIAN, of=LAB),
        {"of": LAB},
    ),
}


def verdict(name: str) -> SessionFailed | None:
    _, device, shown, given = BY_JUDGE[name]
    return (by_device if device else by_host)(shown(), **given)


@pytest.mark.rule(
    "CER-005", "CER-006", "CER-008", "CER-010", "CER-011", "CER-012", "CER-013", "SES-024", "SES-026"
)
@pytest.mark.parametrize("name", BY_JUDGE)
def test_each_check_refuses_by_its_name(name: str) -> None:
    error = verdict(name)
    assert error is not None and error.check is BY_JUDGE[name][0], error
    assert not error.by_peer and f"(check: {error.check})" in error.detail


def nothing(*_: object) -> None:
    """A check that refuses nobody."""


@contextmanager
def without(check: Check, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes a check away, wherever it stands."""
    with monkeypatch.context() as patch:
        for stands in (checks.CHECKS, tls.HANDSHAKE_CHECKS):
            if check in stands:
                patch.setitem(stands, check, nothing)  # not taken out: it would come back as the last one
        yield


@pytest.mark.parametrize("check", [check for check in checks.CHECKS if check is not Check.ISSUER])
def test_each_check_of_a_certificate_is_needed(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """With it, all are refused that are there for it; without it, one of them gets in."""
    names = [name for name, case in BY_JUDGE.items() if case[0] is check]
    assert names
    with without(check, monkeypatch):
        assert any(verdict(name) is None for name in names)


def test_the_check_of_the_issuer_stands_behind_that_of_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    """VERIFY_X509_STRICT finds it first. Where somebody takes that away, ours is left; without either it gets in."""
    monkeypatch.setattr(tls_context, "_VERIFY", ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST)
    shown = odd(TECHNICIAN, names_issuer=False)
    error = by_device(shown)
    assert error is not None and error.check is Check.ISSUER and "critical" not in error.detail
    with without(Check.ISSUER, monkeypatch):
        assert by_device(shown) is None


# What stands before the certificate


def test_the_chain_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = OTHER.host()
    error = by_device(shown)
    assert error is not None and error.check is Check.CHAIN
    monkeypatch.setattr(tls_context, "VERIFY_MODE", ssl.CERT_NONE)
    assert by_device(shown) is None


def test_the_version_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL is told, and what it did is looked at."""

    def old() -> SessionFailed | None:
        context = accepting_context(HOME, device_credentials(HOME), client=True)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        theirs, ours = RawEnd(context, client=True), host_session()
        theirs.step()
        carry(ours, theirs)
        return ours.failure

    error = old()
    assert error is not None and error.check is Check.PROTOCOL and "does not speak TLS 1.3" in error.detail
    monkeypatch.setattr(tls_context, "LOWEST", ssl.TLSVersion.TLSv1_2)
    error = old()
    assert error is not None and error.check is Check.PROTOCOL and "would be TLSv1.2" in error.detail
    with without(Check.PROTOCOL, monkeypatch), without(Check.CIPHER, monkeypatch):
        assert old() is None


def test_the_cipher_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def meeting() -> SessionFailed | None:
        context = accepting_context(HOME, device_credentials(HOME), client=True)
        only_suite(context, "TLS_CHACHA20_POLY1305_SHA256")
        theirs, ours = RawEnd(context, client=True), host_session()
        theirs.step()
        carry(ours, theirs)
        return ours.failure

    error = meeting()
    assert error is not None and error.check is Check.CIPHER
    with without(Check.CIPHER, monkeypatch):
        assert meeting() is None


@pytest.mark.rule("CER-004")
@pytest.mark.parametrize("name", ["two\nlines", "x" * 65], ids=["does not print", "too long"])
def test_a_certificate_that_cannot_be_read_is_refused(name: str) -> None:
    if len(name) > 64:
        with pytest.raises(ValueError, match="64"):
            odd(TECHNICIAN, name=name)
        return
    error = by_device(odd(TECHNICIAN, name=name))
    assert error is not None and error.check is Check.FORM


@pytest.mark.rule("SES-006")
def test_the_binding_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody in between has changed a preamble: TLS knows nothing of it."""

    def tampered() -> Pair:
        pair = Pair(host_end(session=host_sessions()), device_end(session=device_sessions()))
        first = bytearray(b"".join(pair.host.outgoing(0, 0)))
        first[5] = 0
        first[7] = 1  # the newest version: 1.1, which knows no deny lists
        pair.device.receive(bytes(first), 0.0)
        pair.run()
        return pair

    pair = tampered()
    failed = [e for e in pair.host_events + pair.device_events if isinstance(e, Failed)]
    assert failed[0].reason is FailReason.SESSION and failed[0].check is Check.BINDING
    assert State.READY not in (pair.host.state, pair.device.state)
    monkeypatch.setattr(Opening, "_binding", lambda self: bytes(32))
    monkeypatch.setattr(
        Opening, "_version", property(lambda self: (1, 1), lambda self, given: None), raising=False
    )
    assert tampered().device.state is State.READY


@pytest.mark.rule("SES-006", "SES-019")
@pytest.mark.parametrize("of_host", [True, False], ids=["host's", "device's"])
def test_no_byte_of_a_preamble_can_be_changed(of_host: bool) -> None:
    """Not one that is ignored either: both ends must have seen the same 64 bytes."""
    for at in range(32):
        pair = Pair(host_end(session=host_sessions()), device_end(session=device_sessions()))
        if not of_host:
            pair.carry(from_host=True)
        says, hears = (pair.host, pair.device) if of_host else (pair.device, pair.host)
        data = bytearray(b"".join(says.outgoing(0, 0)))
        data[at] ^= 1
        hears.receive(bytes(data), 0.0)
        pair.run()
        pair.tick(10.0)
        for end in (pair.host, pair.device):
            assert end.state is State.OVER and State.READY is not end.reached, at


@pytest.mark.rule("SES-006", "CER-010")
def test_a_camera_may_not_call_itself_a_station_in_its_preamble() -> None:
    device = device_end(session=device_sessions(), kind=PeerKind.STATION)
    pair = Pair(host_end(session=host_sessions()), device)
    pair.run()
    failed = [e for e in pair.host_events if isinstance(e, Failed)]
    assert (failed[0].reason, failed[0].check) == (FailReason.REFUSED, Check.KIND)
    assert "that of a camera, its preamble is not" in failed[0].detail


def test_a_name_that_is_not_in_the_certificate_is_no_name() -> None:
    info = LocalInfo(kind=PeerKind.CAMERA, identity="BWC-000043")
    pair = Pair(host_end(session=host_sessions()), device_end(session=device_sessions(), info=info))
    pair.run()
    failed = [e for e in pair.host_events if isinstance(e, Failed)]
    assert failed[0].reason is FailReason.SESSION and failed[0].check is Check.BINDING
