"""Key files: as slow to guess at as they say, and refused where others may read them."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from bwc_protocol.certificates.issue import Issuance, Issuer, make_host, make_issuing, make_root, new_key
from bwc_protocol.declare import Role
from bwc_sdk.errors import IdentityError, PassphraseWrong
from bwc_sdk.identity import durable_files
from bwc_sdk.identity.key_file import ROUNDS, SEAL_ROUNDS, check_new_passphrase, sealed, unsealed
from bwc_sdk.identity.pkcs12_mac import sealed_anew

PASSPHRASE = b"correct horse battery"
TIMES = Issuance(not_before_s=1_700_000_000, not_after_s=1_900_000_000, entropy=os.urandom)


@pytest.fixture(scope="module")
def host() -> tuple[ec.EllipticCurvePrivateKey, tuple[bytes, ...]]:
    root_key, issuing_key, key = new_key(), new_key(), new_key()
    root = Issuer(make_root(root_key, "Agency", "root", TIMES), root_key)
    issuing = Issuer(make_issuing(root, issuing_key.public_key(), "issuing", TIMES), issuing_key)
    leaf = make_host(issuing, key.public_key(), "dock 1", Role.DOCK_OFFLOAD, TIMES)
    return key, (leaf, issuing.certificate)


Host = tuple[ec.EllipticCurvePrivateKey, tuple[bytes, ...]]


def test_what_is_put_into_a_file_comes_out_of_it(host: Host) -> None:
    key, chain = host
    found = unsealed(sealed(key, chain, PASSPHRASE), PASSPHRASE, name="dock-offload.p12")
    assert found.chain == chain
    assert found.key.private_numbers() == key.private_numbers()


def test_the_certificates_stand_from_the_leaf_upwards_however_the_file_has_them(host: Host) -> None:
    from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

    key, chain = host
    leaf, issuing = (x509.load_der_x509_certificate(der) for der in chain)
    other = x509.load_der_x509_certificate(make_root(new_key(), "Other", "root", TIMES))
    data = pkcs12.serialize_key_and_certificates(None, key, leaf, [other, issuing], NoEncryption())
    assert unsealed(data, b"", name="x").chain == chain


def test_encryption_and_seal_are_both_as_slow_as_they_say(host: Host, tmp_path: Path) -> None:
    """Whoever guesses tries the cheaper of the two."""
    file = tmp_path / "key.p12"
    file.write_bytes(sealed(*host, PASSPHRASE))
    told = subprocess.run(
        ["openssl", "pkcs12", "-in", file, "-info", "-noout", "-passin", f"pass:{PASSPHRASE.decode()}"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert re.findall(r"MAC: sha256, Iteration (\d+)", told) == [str(SEAL_ROUNDS)]
    assert re.findall(r"PBES2, PBKDF2, AES-256-CBC, Iteration (\d+)", told) == [str(ROUNDS)] * 2


@pytest.mark.parametrize("passphrase", [b"correct horse batterz", b""])
def test_a_wrong_passphrase_is_told_as_such(host: Host, passphrase: bytes) -> None:
    with pytest.raises(PassphraseWrong, match=r"dock\.p12 does not open"):
        unsealed(sealed(*host, PASSPHRASE), passphrase, name="dock.p12")


@pytest.mark.parametrize("where", [0, 40, 200, -40, -1])
def test_a_damaged_file_is_refused(host: Host, where: int) -> None:
    data = bytearray(sealed(*host, PASSPHRASE))
    data[where] ^= 1
    with pytest.raises(IdentityError):
        unsealed(bytes(data), PASSPHRASE, name="dock.p12")


def test_a_file_without_a_passphrase_opens_without_one(host: Host) -> None:
    assert unsealed(sealed(*host, b""), b"", name="x").chain == host[1]


def test_a_certificate_of_another_key_is_refused(host: Host) -> None:
    """In a file without encryption somebody may put anything in the place of anything."""
    key, (leaf, issuing) = host
    held = sealed(key, (leaf, issuing), b"")
    root_key = new_key()
    root = Issuer(make_root(root_key, "Agency", "issuing", TIMES), root_key)
    other = b""
    while len(other) != len(leaf):
        other = make_host(root, new_key().public_key(), "dock 1", Role.DOCK_OFFLOAD, TIMES)
    assert held.count(leaf) == 1
    forged = sealed_anew(held.replace(leaf, other), b"", 2, bytes(16))
    with pytest.raises(IdentityError, match="no certificate of its key"):
        unsealed(forged, b"", name="x")


def test_a_short_passphrase_is_not_taken_for_a_new_file() -> None:
    with pytest.raises(IdentityError, match="too short"):
        check_new_passphrase(b"secret")
    check_new_passphrase(PASSPHRASE)


# Files


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key.p12"
    durable_files.write_new(path, b"key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"key"


def test_nothing_is_replaced_that_was_to_be_new(tmp_path: Path) -> None:
    path = tmp_path / "root.p12"
    durable_files.write_new(path, b"first")
    with pytest.raises(FileExistsError):
        durable_files.write_new(path, b"second")
    assert path.read_bytes() == b"first"
    assert [one.name for one in tmp_path.iterdir()] == ["root.p12"]


def test_replacing_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deny-list.cose"
    for data in (b"one", b"two"):
        durable_files.replace(path, data)
    assert path.read_bytes() == b"two"
    assert [one.name for one in tmp_path.iterdir()] == ["deny-list.cose"]


def test_the_certificate_that_openssl_prints_is_the_one_that_was_put_in(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "key.p12"
    file.write_bytes(sealed(*host, PASSPHRASE))
    told = subprocess.run(
        ["openssl", "pkcs12", "-in", file, "-nokeys", "-clcerts", "-passin", f"pass:{PASSPHRASE.decode()}"],
        capture_output=True,
        check=True,
    ).stdout
    assert x509.load_pem_x509_certificate(told).public_bytes(Encoding.DER) == host[1][0]
