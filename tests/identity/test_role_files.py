"""Key files of roles: who may read them, where their passphrase comes from, and what has to be in them."""

import os
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bwc_protocol.certificates.issue import Issuance, Issuer, make_host, make_issuing, make_root, new_key
from bwc_protocol.declare import Role
from bwc_sdk.errors import HostFileError, IdentityError, KeyFileLoose, PassphraseWrong
from bwc_sdk.identity.key_file import sealed
from bwc_sdk.identity.passphrase import CREDENTIAL, PASSPHRASE_FILE_ENV
from bwc_sdk.identity.private_files import (
    CREDENTIALS_ENV,
    SECRET_MAX,
    check_directory,
    looseness,
    read_secret,
    read_trusted,
)
from bwc_sdk.identity.role_file import read_role_file

PASSPHRASE = b"correct horse battery"
TIMES = Issuance(not_before_s=1_700_000_000, not_after_s=1_900_000_000, entropy=os.urandom)
Made = tuple[ec.EllipticCurvePrivateKey, tuple[bytes, ...]]


@pytest.fixture(scope="module")
def dock() -> Made:
    root_key, issuing_key, key = new_key(), new_key(), new_key()
    root = Issuer(make_root(root_key, "Agency", "root", TIMES), root_key)
    issuing = Issuer(make_issuing(root, issuing_key.public_key(), "issuing", TIMES), issuing_key)
    leaf = make_host(issuing, key.public_key(), "dock 1", Role.DOCK_OFFLOAD, TIMES)
    return key, (leaf, issuing.certificate)


@pytest.fixture(scope="module")
def encrypted(dock: Made) -> bytes:
    return sealed(*dock, PASSPHRASE)


@pytest.fixture(autouse=True)
def no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSPHRASE_FILE_ENV, raising=False)
    monkeypatch.delenv(CREDENTIALS_ENV, raising=False)


def written(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def pem(*certificates: bytes) -> bytes:
    return b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in certificates)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# Who may read them


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610, 0o601, 0o666])
def test_a_key_file_that_others_may_read_or_change_is_refused_with_the_command_that_mends_it(
    tmp_path: Path, mode: int
) -> None:
    path = written(tmp_path / "dock's key.p12", b"x", mode)
    with pytest.raises(KeyFileLoose, match=rf"others may (read|change) .*mode 0{mode:o}") as refused:
        read_secret(path)
    assert refused.value.advice.startswith("chmod 600 ")
    assert os.system(refused.value.advice) == 0, "it can be pasted into a shell as it stands"
    assert read_secret(path) == b"x"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_key_file_of_its_owner_alone_is_read(tmp_path: Path, mode: int) -> None:
    assert read_secret(written(tmp_path / "technician.p12", b"key", mode)) == b"key"


def test_what_says_whom_to_believe_may_be_read_by_others_and_changed_by_nobody_else(tmp_path: Path) -> None:
    path = written(tmp_path / "agency.pem", b"roots", 0o644)
    assert read_trusted(path) == b"roots"
    path.chmod(0o664)
    with pytest.raises(KeyFileLoose, match="others may change") as refused:
        read_trusted(path)
    assert refused.value.advice == f"chmod go-w {path}"


def test_a_directory_in_which_others_may_replace_files_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    check_directory(tmp_path)
    tmp_path.chmod(0o775)
    with pytest.raises(KeyFileLoose, match="others may change"):
        check_directory(tmp_path)
    with pytest.raises(IdentityError, match="is not a directory"):
        check_directory(written(tmp_path / "file", b""))


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "technician.p12", b"key")
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    found = os.stat_result([stat.S_IFREG | 0o600, 0, 0, 1, owner + 5000, 0, 7, 0, 0, 0])
    problem = looseness(path, found, secret=True)
    assert problem is not None and f"(uid {owner + 5000})" in problem.rule
    assert problem.advice == f"sudo chown 4711 {path}"


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of somebody else")


@as_root
def test_root_believes_its_own_files_and_those_of_whoever_called_sudo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    files = [written(tmp_path / "agency.pem", b"x"), written(tmp_path / "technician.p12", b"x")]
    directory = tmp_path / "identity"
    directory.mkdir(mode=0o755)
    for read, path in ((read_trusted, files[0]), (read_secret, files[1]), (check_directory, directory)):
        read(path)
        os.chown(path, 1234, 1234)
        with pytest.raises(KeyFileLoose, match=r"belongs to another user \(uid 1234\)") as refused:
            read(path)
        assert "as that user" in refused.value.advice
        for other in ("1235", "", "-1234", "1234x", "1234\u0664", "9" * 5000):
            monkeypatch.setenv("SUDO_UID", other)
            with pytest.raises(KeyFileLoose):
                read(path)
        monkeypatch.setenv("SUDO_UID", "1234")
        read(path)
        monkeypatch.delenv("SUDO_UID")
        assert os.system(refused.value.advice.split(": ")[-1]) == 0, "what it says can be pasted into a shell"
        read(path)


def test_who_called_sudo_says_nothing_to_a_user_who_is_not_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setenv("SUDO_UID", "1234")
    found = os.stat_result([stat.S_IFREG | 0o600, 0, 0, 1, 1234, 0, 7, 0, 0, 0])
    assert looseness(tmp_path, found, secret=True) is not None


def test_a_pipe_is_no_file_and_nobody_is_waited_for(tmp_path: Path) -> None:
    """Whoever writes into it may never come, and a service would stand still."""
    os.mkfifo(tmp_path / "technician.p12", 0o600)
    for read in (read_secret, read_trusted):
        with pytest.raises(IdentityError, match="is no file"):
            read(tmp_path / "technician.p12")


def test_a_passphrase_may_come_through_a_pipe(tmp_path: Path) -> None:
    """As by BWC_IDENTITY_PASSPHRASE_FILE=<(pass show dock)."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"five random words\n",))
    writer.start()
    assert read_secret(pipe, pipe=True) == b"five random words\n"
    writer.join()


def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path) -> None:
    target = written(tmp_path / "kept elsewhere", b"key", 0o640)
    link = tmp_path / "technician.p12"
    link.symlink_to(target)
    with pytest.raises(KeyFileLoose):
        read_secret(link)
    target.chmod(0o600)
    assert read_secret(link) == b"key"


def test_a_credential_of_systemd_is_read_with_the_mask_that_systemd_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / CREDENTIAL, b"secret\n", 0o440)
    of_root = os.stat_result([stat.S_IFREG | 0o440, 0, 0, 1, 0, 0, 7, 0, 0, 0])
    assert looseness(path, of_root, secret=True) is not None, (
        "elsewhere a group that reads is a group that reads"
    )
    monkeypatch.setenv(CREDENTIALS_ENV, str(tmp_path))
    assert looseness(path, of_root, secret=True) is None
    readable = os.stat_result([stat.S_IFREG | 0o444, 0, 0, 1, 0, 0, 7, 0, 0, 0])
    assert looseness(path, readable, secret=True) is not None


def test_a_file_that_is_not_there_or_has_no_end_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostFileError, match="cannot be read"):
        read_secret(tmp_path / "technician.p12")
    with pytest.raises(IdentityError, match=f"more than {SECRET_MAX} bytes"):
        read_secret(written(tmp_path / "large.p12", bytes(SECRET_MAX + 1)))


# Their passphrase


def test_without_a_passphrase_an_encrypted_file_says_how_to_give_it(tmp_path: Path, encrypted: bytes) -> None:
    path = written(tmp_path / "dock-offload.p12", encrypted)
    for ask in (None, lambda prompt: None):
        with pytest.raises(PassphraseWrong, match="none is given") as refused:
            read_role_file(path, ask)
        assert PASSPHRASE_FILE_ENV in refused.value.advice and CREDENTIAL in refused.value.advice


def test_a_service_gets_it_from_a_file_or_from_systemd_and_asks_nobody(
    tmp_path: Path, encrypted: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(prompt: str) -> str:
        raise AssertionError("nobody is there")

    path = written(tmp_path / "dock-offload.p12", encrypted)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    written(credentials / CREDENTIAL, PASSPHRASE + b"\r\n", 0o400)
    monkeypatch.setenv(CREDENTIALS_ENV, str(credentials))
    assert read_role_file(path, nobody).leaf.name == "dock 1"
    monkeypatch.delenv(CREDENTIALS_ENV)
    monkeypatch.setenv(PASSPHRASE_FILE_ENV, str(written(tmp_path / "pass", PASSPHRASE + b"\nnot this\n")))
    assert read_role_file(path, nobody).leaf.roles == Role.DOCK_OFFLOAD


def test_a_person_is_asked_for_the_passphrase_of_that_file(tmp_path: Path, encrypted: bytes) -> None:
    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return PASSPHRASE.decode()

    path = written(tmp_path / "dock-offload.p12", encrypted)
    assert read_role_file(path, typed).leaf.agency == "Agency"
    assert asked == [f"passphrase of {path}: "]


def test_another_passphrase_says_where_it_came_from(
    tmp_path: Path, encrypted: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "dock-offload.p12", encrypted)
    source = written(tmp_path / "pass", b"another one entirely")
    monkeypatch.setenv(PASSPHRASE_FILE_ENV, str(source))
    with pytest.raises(PassphraseWrong, match=f"passphrase from {source} is another one"):
        read_role_file(path)
    source.chmod(0o644)
    with pytest.raises(KeyFileLoose, match="others may read"):
        read_role_file(path)
    written(source, b"\n")
    with pytest.raises(IdentityError, match="empty first line"):
        read_role_file(path)


# What is in them


def test_without_encryption_it_opens_by_its_rights_alone(tmp_path: Path, dock: Made) -> None:
    key, chain = dock
    of_both = written(tmp_path / "a.pem", key_pem(key) + pem(*chain))
    alone = written(tmp_path / "b.pem", pem(*chain), 0o644)
    written(tmp_path / "b.key", key_pem(key))
    for path in (written(tmp_path / "dock-offload.p12", sealed(key, chain, b"")), of_both, alone):
        found = read_role_file(path)
        assert (found.leaf.der, found.issuing.der) == chain
        assert found.key.private_numbers() == key.private_numbers()
    of_both.chmod(0o644)
    (tmp_path / "b.key").chmod(0o640)
    for path in (of_both, alone):
        with pytest.raises(KeyFileLoose):
            read_role_file(path)


def test_certificates_whose_key_is_elsewhere_say_what_to_do(tmp_path: Path, dock: Made) -> None:
    with pytest.raises(IdentityError, match=r"there is no dock-offload\.key beside it") as refused:
        read_role_file(written(tmp_path / "dock-offload.pem", pem(*dock[1])))
    assert "chmod 600" in refused.value.advice and "token" in refused.value.advice


def test_what_does_not_belong_together_is_refused(tmp_path: Path, dock: Made) -> None:
    key, (leaf, issuing) = dock
    other = new_key()
    with pytest.raises(IdentityError, match=r"no certificate in .* is for the key"):
        read_role_file(written(tmp_path / "x.pem", key_pem(other) + pem(leaf, issuing)))
    with pytest.raises(IdentityError, match="lacks the certificate of the CA that issued 'dock 1'"):
        read_role_file(written(tmp_path / "x.pem", key_pem(key) + pem(leaf)))
    with pytest.raises(IdentityError, match="has no key on P-256"):
        curve = ec.generate_private_key(ec.SECP384R1())
        read_role_file(written(tmp_path / "x.pem", key_pem(curve) + pem(leaf, issuing)))
    with pytest.raises(IdentityError, match="at most 8"):
        read_role_file(written(tmp_path / "x.pem", key_pem(key) + pem(*[leaf] * 9)))


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda text: text.replace(b"BEGIN PRIVATE KEY", b"BEGIN PRIVATE KEX"), "no private key"),
        (lambda text: text[: text.rindex(b"-----END")], "has no end"),
        (lambda text: text.replace(b"CERTIFICATE-----\nMII", b"CERTIFICATE-----\nAII"), "cannot be used"),
        (lambda text: b"", "there is no"),
    ],
    ids=["key", "end", "certificate", "empty"],
)  # fmt: skip
def test_a_damaged_file_is_told(tmp_path: Path, dock: Made, spoilt: object, said: str) -> None:
    key, chain = dock
    assert callable(spoilt)
    path = written(tmp_path / "x.pem", spoilt(key_pem(key) + pem(*chain)))
    with pytest.raises(IdentityError, match=said):
        read_role_file(path)
