"""COSE_Sign1 in one form: what verifies, what does not, and that others read it."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.certificates.issue import Issuer, make_host, make_issuing, make_root
from bwc_protocol.declare import Role
from bwc_protocol.evidence import EvidenceError, es256, sign1
from bwc_protocol.session.tls import KeyCredentials
from tests.tiers import times
from tools.testkit import fixed_agency as agency

PAYLOAD = b"what was recorded"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256."""


def signed(payload: bytes = PAYLOAD, name: str = "technician") -> bytes:
    return sign1.sign(payload, agency.signer(name))


def refused(payload: bytes, data: bytes, *, roots: tuple[bytes, ...] = (), lab: str = "") -> str:
    with pytest.raises(EvidenceError) as found:
        sign1.verify(payload, data, roots or agency.anchors(), lab=lab)
    return found.value.rule


def changed(**parts: Any) -> bytes:
    """A signature that is sound but for some of its parts, signed anew where the header changes."""
    read = sign1.decode(signed())
    header = {1: -7, 33: list(read.chain)} | parts.get("header", {})
    protected = parts.get("protected", cbor2.dumps(header, canonical=True))
    signature = agency.signer("technician").sign(sign1._signed_bytes(protected, PAYLOAD))
    whole = [protected, parts.get("unprotected", {}), parts.get("payload"), parts.get("signature", signature)]
    return cbor2.dumps(whole + parts.get("more", []), canonical=True)


def test_a_signature_tells_who_signed_what() -> None:
    facts = sign1.verify(PAYLOAD, signed(), agency.anchors())
    assert (facts.name, facts.roles) == ("Kim Lopez", Role.TECHNICIAN)
    assert refused(PAYLOAD + b"!", signed()) == "sign1-signature"
    assert PAYLOAD not in signed()


@pytest.mark.rule("DOC-001")
def test_it_is_the_sign1_of_the_rfc_untagged_detached_and_with_its_certificates_protected() -> None:
    protected, unprotected, payload, signature = cbor2.loads(signed())
    assert (unprotected, payload, len(signature)) == ({}, None, 64)
    chain = [agency.certificate("technician"), agency.certificate("issuing")]
    assert cbor2.loads(protected) == {1: -7, 33: chain}
    assert signed()[0] == 0x84, "an array of four, without a tag"


@pytest.mark.rule("DOC-001")
@pytest.mark.parametrize(
    ("parts", "rule"),
    [
        ({"unprotected": {33: b"x"}}, "sign1-form"),
        ({"payload": PAYLOAD}, "sign1-form"),
        ({"payload": b""}, "sign1-form"),
        ({"more": [0]}, "sign1-form"),
        ({"signature": bytes(63)}, "sign1-form"),
        ({"header": {1: -35}}, "sign1-header"),
        ({"header": {1: False}}, "sign1-header"),
        ({"header": {4: b"kid"}}, "sign1-header"),
        ({"header": {33: [b"x"]}}, "sign1-chain"),
        ({"header": {33: [b"x", b"y", b"z"]}}, "sign1-chain"),
        ({"header": {33: []}}, "sign1-chain"),
        ({"header": {33: [b"x", ""]}}, "sign1-chain"),
        ({"header": {33: [b"x", b""]}}, "sign1-chain"),
        ({"header": {33: bytes(2049)}}, "sign1-chain"),
        ({"protected": b""}, "cbor-truncated"),
        ({"protected": b"\xbf\x01\x26\xff"}, "cbor-type"),
        ({"protected": b"\xa0"}, "sign1-header"),
    ],
)
def test_any_other_form_is_refused(parts: dict[str, Any], rule: str) -> None:
    assert sign1.verify(PAYLOAD, changed(), agency.anchors()).name == "Kim Lopez"
    assert refused(PAYLOAD, changed(**parts)) == rule


@pytest.mark.rule("DOC-001")
def test_a_tag_and_another_encoding_of_the_same_are_refused() -> None:
    assert refused(PAYLOAD, b"\xd2" + signed()) == "cbor-type"
    assert refused(PAYLOAD, b"\x98\x04" + signed()[1:]) == "cbor-deterministic"
    assert refused(PAYLOAD, signed() + b"\x00") == "cbor-surplus"
    assert refused(PAYLOAD, bytes(sign1.SIGN1_MAX + 1)) == "sign1-size"


@pytest.mark.rule("DOC-001")
def test_the_largest_signature_fits_its_bound() -> None:
    protected = sign1.cbor.encode({1: -7, 33: [bytes(2048), bytes(2048)]})
    assert len(sign1.cbor.encode([protected, {}, None, bytes(64)])) <= sign1.SIGN1_MAX


@pytest.mark.rule("DOC-002")
def test_the_chain_ends_in_a_root_that_is_held_and_goes_by_its_issuing_ca() -> None:
    others = (agency.certificate("other/root"), agency.certificate("other/standby"))
    assert refused(PAYLOAD, signed(), roots=others) == "sign1-chain"
    assert refused(PAYLOAD, signed(name="other/technician")) == "sign1-chain"
    assert refused(PAYLOAD, signed(), roots=(agency.certificate("issuing"),)) == "sign1-chain"
    leaf_alone = sign1.KeySigner(agency.signer("technician").chain[:1], agency.key("technician"))
    assert refused(PAYLOAD, sign1.sign(PAYLOAD, leaf_alone)) == "sign1-chain"
    another_key = sign1.KeySigner(agency.signer("technician").chain, agency.key("auditor"))
    assert refused(PAYLOAD, sign1.sign(PAYLOAD, another_key)) == "sign1-signature"


@pytest.mark.rule("DOC-002")
def test_a_ca_below_the_issuing_ca_signs_for_nobody() -> None:
    """A chain of three would let any leaf that was issued as a CA by mistake certify anybody."""
    below = Issuer(
        make_issuing(agency.issuer(), agency.key("below").public_key(), "below", agency.issuance("below")),
        agency.key("below"),
    )
    leaf = make_host(below, agency.key("thief").public_key(), "thief", Role.TECHNICIAN, agency.issuance("t"))
    for chain in ((leaf, below.certificate), (below.certificate, agency.certificate("issuing"))):
        found = sign1.sign(PAYLOAD, sign1.KeySigner(chain, agency.key("thief")))
        assert refused(PAYLOAD, found) == "sign1-chain"


@pytest.mark.rule("DOC-003")
def test_a_lab_signs_for_itself_alone() -> None:
    of_lab = agency.issuance("lab", lab="0a0b0c0d")
    root = make_root(agency.key("lab"), "BWC lab", "root", of_lab)
    issuing = make_issuing(Issuer(root, agency.key("lab")), agency.key("li").public_key(), "i", of_lab)
    leaf = make_host(
        Issuer(issuing, agency.key("li")), agency.key("lt").public_key(), "bench", Role.TECHNICIAN, of_lab
    )
    by_leaf = sign1.sign(PAYLOAD, sign1.KeySigner((leaf, issuing), agency.key("lt")))
    assert sign1.verify(PAYLOAD, by_leaf, [root], lab="0a0b0c0d").name == "bench"
    for lab in ("", "ffffffff"):
        assert refused(PAYLOAD, by_leaf, roots=(root,), lab=lab) == "sign1-lab"
    assert refused(PAYLOAD, signed(), lab="0a0b0c0d") == "sign1-lab"
    by_root = sign1.sign(PAYLOAD, sign1.KeySigner((root,), agency.key("lab")))
    assert sign1.verify_by_root(PAYLOAD, by_root, [root], lab="0a0b0c0d").agency == "BWC lab"
    with pytest.raises(EvidenceError, match="sign1-lab"):
        sign1.verify_by_root(PAYLOAD, by_root, [root])


@pytest.mark.rule("DOC-002")
def test_a_root_signs_by_itself_and_only_one_that_is_held() -> None:
    for name in ("root", "standby"):
        found = sign1.sign(PAYLOAD, agency.root_signer(name))
        assert sign1.verify_by_root(PAYLOAD, found, agency.anchors()).der == agency.certificate(name)
        with pytest.raises(EvidenceError, match="sign1-signature"):
            sign1.verify_by_root(PAYLOAD + b"!", found, agency.anchors())
    for signer in (agency.root_signer("other/root"), agency.signer("technician")):
        with pytest.raises(EvidenceError, match="sign1-chain"):
            sign1.verify_by_root(PAYLOAD, sign1.sign(PAYLOAD, signer), agency.anchors())


@pytest.mark.rule("DOC-002")
def test_an_anchor_that_is_no_ca_or_has_another_kind_of_key_signs_nothing() -> None:
    """Whoever installed it by mistake has given nobody the say of a root."""
    leaf = agency.certificate("technician")
    found = sign1.sign(PAYLOAD, sign1.KeySigner((leaf,), agency.key("technician")))
    with pytest.raises(EvidenceError, match="sign1-key"):
        sign1.verify_by_root(PAYLOAD, found, [leaf])
    other = ec.generate_private_key(ec.SECP384R1())
    root = make_root(other, "X", "root", agency.issuance("p384"))
    found = sign1.sign(PAYLOAD, sign1.KeySigner((root,), agency.key("root")))
    with pytest.raises(EvidenceError, match="sign1-key"):
        sign1.verify_by_root(PAYLOAD, found, [root])
    with pytest.raises(ValueError, match="not on P-256"):
        es256.verify_es256(root, PAYLOAD, bytes(64))


def test_every_changed_byte_of_a_signature_is_noticed() -> None:
    good = signed()
    for at in range(len(good)):
        for bit in (0x01, 0x80):
            bad = good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :]
            with pytest.raises(EvidenceError):
                sign1.verify(PAYLOAD, bad, agency.anchors())


def test_a_twin_signature_verifies_so_nothing_is_named_by_signatures() -> None:
    read = sign1.decode(signed())
    s = int.from_bytes(read.signature[32:])
    twin = changed(signature=read.signature[:32] + (ORDER - s).to_bytes(32))
    assert twin != signed()
    assert sign1.verify(PAYLOAD, twin, agency.anchors()).name == "Kim Lopez"


@given(st.binary(max_size=400))
def test_no_bytes_are_more_than_refused(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        sign1.verify(PAYLOAD, data, agency.anchors())


@given(st.data())
def test_damage_of_any_kind_is_refused(data: st.DataObject) -> None:
    good = bytearray(signed())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(good) - 1))
        good[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    if bytes(good) != signed():
        with pytest.raises(EvidenceError):
            sign1.verify(PAYLOAD, bytes(good), agency.anchors())


# ECDSA itself


def test_a_nonce_follows_from_key_and_message() -> None:
    assert es256.signs_deterministically()
    assert signed() == signed() and signed(b"else") != signed()


def test_the_signature_is_that_of_rfc_6979() -> None:
    """Section A.2.5, P-256 with SHA-256, message "sample"."""
    key = ec.derive_private_key(
        0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1()
    )
    assert es256.sign_es256(key, b"sample").hex().upper() == (
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    )


def test_without_openssl_3_2_the_nonce_is_random_and_the_signature_as_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = ec.ECDSA

    def old(algorithm: Any, deterministic_signing: bool = False) -> ec.ECDSA:
        if deterministic_signing:
            raise UnsupportedAlgorithm("ECDSA with deterministic signature (RFC 6979) is not supported")
        return real(algorithm)

    monkeypatch.setattr(ec, "ECDSA", old)
    assert not es256.signs_deterministically()
    signer = agency.signer("technician")
    of_host = sign1.sign(PAYLOAD, KeyCredentials(signer.chain, signer.key))
    one, other = signed(), signed()
    assert one != other
    for found in (one, other, of_host):
        assert sign1.verify(PAYLOAD, found, agency.anchors()).name == "Kim Lopez"


def test_numbers_beyond_the_group_and_zeros_are_no_signature() -> None:
    leaf = agency.certificate("technician")
    for r, s in ((0, 0), (0, 1), (1, 0), (ORDER, 1), (1, ORDER), (2**256 - 1, 2**256 - 1)):
        assert not es256.verify_es256(leaf, PAYLOAD, r.to_bytes(32) + s.to_bytes(32))
    assert not es256.verify_es256(leaf, PAYLOAD, bytes(63))


def test_what_is_no_certificate_of_such_a_key_is_one_error() -> None:
    leaf = agency.certificate("technician")
    version = leaf.index(bytes.fromhex("a003020102")) + 4
    for wrong in (b"", b"junk", leaf[:-1], leaf[:version] + b"\x22" + leaf[version + 1 :]):
        with pytest.raises(ValueError, match="no certificate"):
            es256.verify_es256(wrong, PAYLOAD, bytes(64))


def test_openssl_verifies_the_same_signature(tmp_path: Path) -> None:
    """`openssl dgst` over the `Sig_structure`, with the signature in DER: another implementation of both."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    read = sign1.decode(signed())
    r, s = int.from_bytes(read.signature[:32]), int.from_bytes(read.signature[32:])
    key = x509.load_der_x509_certificate(read.chain[0]).public_key()
    files = {
        "key.pem": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "signed": cbor2.dumps(["Signature1", read.protected, b"", PAYLOAD]),
        "other": cbor2.dumps(["Signature1", read.protected, b"", PAYLOAD + b"!"]),
        "signature.der": encode_dss_signature(r, s),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for name, good in (("signed", True), ("other", False)):
        command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature.der", name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=30)
        assert (done.returncode == 0) is good, done.stdout + done.stderr


def test_keys_of_the_agency_in_these_tests_follow_from_their_names() -> None:
    assert agency.private_number("root") == int.from_bytes(hashlib.sha256(b"bwc fixed agency: root").digest())
    assert times(1) >= 1
