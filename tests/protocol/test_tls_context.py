"""How a key gets into OpenSSL, what a context insists on, and what is loaded only where a session is secure."""

import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bwc_protocol.certificates.checks import Check, PeerRefused
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.issue import new_key
from bwc_protocol.declare import Role
from bwc_protocol.session.interface import PeerCredentials, SessionSide
from bwc_protocol.session.tls import KeyCredentials, TlsProfile, UnusableCredentials, tls_sessions
from bwc_protocol.session.tls_context import context_for
from tools.testkit.pair import BENCH, CAMERA
from tools.testkit.secure_ends import (
    RawEnd,
    agency,
    carry,
    device_credentials,
    device_session,
    host_credentials,
    host_session,
    host_sessions,
    raw_context,
)

HOME = agency()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes, int]]:
    """Of each file that a key was handed over in: its path, its content and its mode."""
    seen: list[tuple[str, bytes, int]] = []
    load = ssl.SSLContext.load_cert_chain

    def loading(self: ssl.SSLContext, path: str, keyfile: None = None, password: bytes = b"") -> None:
        seen.append((path, Path(path).read_bytes(), Path(path).stat().st_mode & 0o777))
        load(self, path, keyfile, password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", loading)
    return seen


def descriptors() -> list[str]:
    """The open files of this process."""
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("in_memory", [True, False], ids=["in memory", "in a file"])
def test_a_key_leaves_nothing_behind(
    in_memory: bool, files: list[tuple[str, bytes, int]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create")
    open_before = descriptors()
    host, device = host_session(credentials=HOME.host()), device_session()
    device.start()
    carry(host, device)
    assert host.peer is not None and device.peer is not None
    path, content, mode = files[0]
    assert path.startswith("/proc/self/fd/" if in_memory else str(tmp_path))
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content and b"BEGIN PRIVATE KEY" not in content
    assert in_memory or mode == 0o600
    assert list(tmp_path.iterdir()) == [] and descriptors() == open_before


def test_a_key_that_is_not_the_certificates_is_told_so() -> None:
    mixed = KeyCredentials(HOME.host().chain, new_key())
    with pytest.raises(UnusableCredentials, match="certificate and key"):
        host_session(credentials=mixed)


@pytest.mark.parametrize("in_memory", [True, False], ids=["in memory", "in a file"])
def test_a_key_that_does_not_fit_leaves_nothing_behind_either(
    in_memory: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create")
    open_before = descriptors()
    with pytest.raises(UnusableCredentials):
        host_session(credentials=KeyCredentials(HOME.host().chain, new_key()))
    assert list(tmp_path.iterdir()) == [] and descriptors() == open_before


def test_a_host_without_a_root_is_none() -> None:
    """By TLS alone it would be a server that asks nobody who he is."""
    with pytest.raises(UnusableCredentials, match="without the root"):
        context_for(host_credentials(HOME), (), client=False, lab=False)


def test_what_is_signed_verifies_and_is_the_same_each_time() -> None:
    shown = host_credentials(HOME)
    signature = shown.sign(b"what is said")
    assert len(signature) == 64 and signature == shown.sign(b"what is said")
    r, s = (int.from_bytes(signature[at : at + 32]) for at in (0, 32))
    shown.key.public_key().verify(encode_dss_signature(r, s), b"what is said", ec.ECDSA(hashes.SHA256()))


def test_a_factory_makes_its_context_once(files: list[tuple[str, bytes, int]]) -> None:
    factory = host_sessions(credentials=HOME.host())
    assert files == [], "and not before it is needed"
    for _ in range(3):
        factory(SessionSide(False, BENCH, Role.BENCH, os.urandom))
    assert len(files) == 1


def test_a_context_insists_on_the_same_whatever_python_begins_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And whatever stands in the environment: no key of a session is written anywhere."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    partial_chain = 0x80000  # X509_V_FLAG_PARTIAL_CHAIN, a default since Python 3.13
    for client in (True, False):
        for lab in (True, False):
            shown = device_credentials(HOME) if client else host_credentials(HOME)
            context = context_for(shown, HOME.anchors, client=client, lab=lab)
            assert context.verify_mode is ssl.CERT_REQUIRED
            assert context.minimum_version is context.maximum_version is ssl.TLSVersion.TLSv1_3
            flags = int(context.verify_flags)
            assert not flags & partial_chain and bool(flags & 0x10) is lab and flags & 0x200000
            assert flags & ssl.VERIFY_X509_STRICT and context.options & ssl.OP_NO_TICKET
            assert client or context.num_tickets == 0
            assert context.keylog_filename is None


# A device that belongs to nobody yet


def enrolling(judge: Callable[[CertificateFacts], PeerCredentials]) -> TlsProfile:
    """What a device brings that has its factory's certificate and no anchors."""
    return TlsProfile(HOME.device(factory=True), (), False, judge)


def test_a_device_without_an_agency_leaves_the_host_to_its_judge() -> None:
    """It cannot know whom to trust; who is there is told all the same, and gets what the judge gives."""
    stranger = agency("Shelbyville PD").host(name="the first tool")
    seen: list[CertificateFacts] = []

    def judge(facts: CertificateFacts) -> PeerCredentials:
        seen.append(facts)
        return PeerCredentials(facts.name, Role.ENROLLER, facts)

    device = tls_sessions(enrolling(judge))(SessionSide(True, CAMERA, Role(0), os.urandom))
    host = RawEnd(raw_context(stranger, client=False), client=False)
    device.start()
    carry(host, device)
    assert device.peer == PeerCredentials("the first tool", Role.ENROLLER, seen[0])
    assert host.done


def test_its_judge_may_refuse_as_any_other() -> None:
    def judge(facts: CertificateFacts) -> PeerCredentials:
        raise PeerRefused(Check.PURPOSE, "not today")

    device = tls_sessions(enrolling(judge))(SessionSide(True, CAMERA, Role(0), os.urandom))
    host = RawEnd(raw_context(HOME.host(), client=False), client=False)
    device.start()
    carry(host, device)
    assert device.failure is not None and device.failure.check is Check.PURPOSE
    assert host.certificate is None and not host.done


# What is loaded


LOADS = """
import sys
{}
print(*sorted({{"ssl", "_ssl", "cryptography"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import bwc_protocol.session.insecure, bwc_protocol.conversation, bwc_protocol.endpoint", ""),
        ("from tools.testkit.pair import Pair; Pair().run()", ""),
        ("import bwc_protocol.session.tls", "_ssl ssl"),
    ],
    ids=["imported", "run", "secure"],
)
def test_an_insecure_session_loads_nothing_of_a_secure_one(code: str, loaded: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOADS.format(code)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == loaded
