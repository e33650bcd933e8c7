"""Secure sessions with TLS that is not Python's: OpenSSL's own programs at both ends, wolfSSL in C as the device."""

import contextlib
import os
import select
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bwc_protocol.certificates.checks import Check
from bwc_protocol.certificates.profile import SERVER_AUTH
from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.session.interface import Session, SessionFailed, SessionSide
from bwc_protocol.session.tls import KeyCredentials
from tools.testkit.agencies import altered
from tools.testkit.pair import BENCH, CAMERA
from tools.testkit.secure_ends import Agency, agency, device_sessions, host_sessions

DEVICE_IN_C = Path("tools/interop/wolfssl_device.c")
PATIENCE_S = 30.0

openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl program here")


def files(folder: Path, root: Agency, shown: KeyCredentials) -> list[str]:
    """Root, chain and key as the files that other programs take."""
    key = shown.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    chain = "".join(ssl.DER_cert_to_PEM_cert(der) for der in shown.chain)
    contents = {"root": ssl.DER_cert_to_PEM_cert(root.anchors[0]), "chain": chain, "key": key}
    for name, content in contents.items():
        (folder / f"{name}.pem").write_text(content)
    return [str(folder / f"{name}.pem") for name in contents]


def host_end(home: Agency | None = None, credentials: KeyCredentials | None = None) -> Session:
    return host_sessions(home, credentials)(SessionSide(False, BENCH, Role.BENCH, os.urandom))


def device_end() -> Session:
    return device_sessions()(SessionSide(True, CAMERA, NO_ROLE, os.urandom))


class Talk:
    """One of our sessions and another program, until one of them is done."""

    def __init__(self, session: Session, reads: int, writes: int) -> None:
        self.session = session
        self._reads, self._writes = reads, writes
        self.heard = b""
        self.over = False
        """Whether the other program has closed."""
        self.came: list[int] = []
        """Bytes that came at once."""

    def flush(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            for data in self.session.outgoing():
                while data:
                    data = data[os.write(self._writes, data) :]

    def shake(self) -> None:
        """Goes on until our end knows the other, or that is done."""
        while not self.over and self.session.peer is None:
            self._move()
        self.flush()

    def until(self, count: int) -> None:
        """Goes on until so many bytes of plaintext came, or the other end is done."""
        while not self.over and len(self.heard) < count:
            self._move()
        self.flush()

    def finish(self) -> None:
        """Goes on until the other end has closed."""
        while not self.over and not self.session.closed:
            self._move()
        self.flush()

    def _move(self) -> None:
        self.flush()
        ready, _, _ = select.select([self._reads], [], [], PATIENCE_S)
        assert ready, "the other end says nothing more"
        data = os.read(self._reads, 65_536)
        self.over = not data
        self.came.append(len(data))
        self.heard += b"".join(bytes(piece) for piece in self.session.receive(data))


# wolfSSL as the device


@pytest.fixture(scope="module")
def wolfssl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not Path("/usr/include/wolfssl/ssl.h").exists():
        pytest.skip("wolfSSL is not installed here: apt-get install libwolfssl-dev")
    program = tmp_path_factory.mktemp("wolfssl") / "device"
    subprocess.run(
        ["cc", "-Wall", "-Wextra", "-Werror", "-o", program, DEVICE_IN_C, "-lwolfssl"],
        check=True,
        timeout=120,
    )
    return program


@contextlib.contextmanager
def running(program: Path, arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    with subprocess.Popen([program, *arguments], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def talk(session: Session, process: subprocess.Popen[bytes]) -> Talk:
    assert process.stdin is not None and process.stdout is not None
    return Talk(session, process.stdout.fileno(), process.stdin.fileno())


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    assert process.stdin is not None and process.stderr is not None
    process.stdin.close()
    said = process.stderr.read().decode()
    return process.wait(PATIENCE_S), said


@pytest.mark.ci
def test_a_device_by_wolfssl_is_known_heard_and_left_in_order(wolfssl: Path, tmp_path: Path) -> None:
    session = host_end()
    with running(wolfssl, files(tmp_path, agency(), agency().device())) as process:
        with_device = talk(session, process)
        with_device.shake()
        assert session.peer is not None and session.peer.identity == CAMERA
        message = os.urandom(40_000)
        for at in range(0, len(message), 512):
            session.seal(message[at : at + 512])  # what its preamble would have asked for
        with_device.until(len(message))
        assert with_device.heard == message
        session.close()
        with_device.finish()
        code, said = ended(process)
    assert session.closed and session.failure is None
    assert (code, said.split()[:2]) == (0, ["connected", "TLSv1.3"])


@pytest.mark.ci
def test_a_device_by_wolfssl_has_small_records_in_both_directions(wolfssl: Path, tmp_path: Path) -> None:
    session = host_end()
    with running(wolfssl, files(tmp_path, agency(), agency().device())) as process:
        with_device = talk(session, process)
        with_device.shake()
        session.seal(bytes(4_000))  # more than the 512 that it asked TLS for: OpenSSL cuts it
        lengths = record_lengths(b"".join(session.outgoing()))
    assert len(lengths) >= 8 and max(lengths) <= 512 + 17


def record_lengths(data: bytes) -> list[int]:
    lengths = []
    while data:
        length = int.from_bytes(data[3:5])
        lengths.append(length)
        data = data[5 + length :]
    return lengths


@pytest.mark.ci
def test_a_device_by_wolfssl_judges_no_times(wolfssl: Path, tmp_path: Path) -> None:
    long_ago = agency().host(began_s=1_500_000_000, ends_s=1_500_000_001)
    session = host_end(credentials=long_ago)
    with running(wolfssl, files(tmp_path, agency(), agency().device())) as process:
        talk(session, process).shake()
        assert session.peer is not None and session.failure is None


def strangers() -> dict[str, tuple[Agency, KeyCredentials, str]]:
    other, lab, desk = Agency.new("Other Police"), agency("A lab", "lab1"), agency().host(name="desk 4")
    idle = altered(desk.chain[0], agency().issuing, purposes=(SERVER_AUTH,))
    return {
        "other agency": (other, other.host(), "chain"),
        "lab": (lab, lab.host(), "handshake: X.509 Critical extension"),
        "device": (agency(), agency().device(serial="desk 4"), "chain: Ext Key Use"),
        "no role": (agency(), agency().shown(idle, desk.key), "role"),
    }


@pytest.mark.ci
@pytest.mark.parametrize("stranger", ["other agency", "lab", "device", "no role"])
def test_a_device_by_wolfssl_shows_its_certificate_to_no_stranger(
    wolfssl: Path, tmp_path: Path, stranger: str
) -> None:
    home, shown, why = strangers()[stranger]
    session = host_end(home, shown)
    with running(wolfssl, files(tmp_path, agency(), agency().device())) as process:
        with_device = talk(session, process)
        with contextlib.suppress(SessionFailed):  # or it leaves without a word
            with_device.shake()
        code, said = ended(process)
    assert session.peer is None
    assert code == 1 and said.startswith(why), said
    assert sum(with_device.came) < 400, "its ClientHello and an alert, and no certificate"


# OpenSSL's programs


@contextlib.contextmanager
def openssl_program(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    command = ["openssl", *arguments]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.kill()


SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]


@openssl
@pytest.mark.parametrize("suite", SUITES)
def test_s_client_of_openssl_as_the_device(tmp_path: Path, suite: str) -> None:
    root, chain, key = files(tmp_path, agency(), agency().device())
    session = host_end()
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        options = ["-tls1_3", "-groups", "P-256", "-ciphersuites", suite, "-quiet", "-verify_return_error"]
        identity = ["-CAfile", root, "-cert", chain, "-cert_chain", chain, "-key", key]
        with openssl_program("s_client", "-connect", where, *options, *identity) as process:
            server.settimeout(PATIENCE_S)
            with server.accept()[0] as line:
                with_device = Talk(session, line.fileno(), line.fileno())
                if "GCM" not in suite:
                    with pytest.raises(SessionFailed) as failed:
                        with_device.shake()
                    assert failed.value.check is Check.CIPHER
                    return
                with_device.shake()
                assert session.peer is not None and session.peer.identity == CAMERA
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write(b"footage\n")
                process.stdin.flush()
                with_device.until(8)
                assert with_device.heard == b"footage\n"
                session.seal(b"ready\n")
                with_device.flush()
                while b"ready\n" not in (line_of := process.stdout.readline()):
                    assert line_of, "openssl went away"


@openssl
@pytest.mark.parametrize("right", [True, False])
def test_s_server_of_openssl_as_the_host(tmp_path: Path, right: bool) -> None:
    root, chain, key = files(tmp_path, agency(), agency().host() if right else agency().device(serial="desk"))
    session = device_end()
    options = ["-tls1_3", "-groups", "P-256", "-num_tickets", "0", "-Verify", "4", "-verify_return_error"]
    identity = ["-CAfile", root, "-cert", chain, "-cert_chain", chain, "-key", key]
    with (
        openssl_program("s_server", "-accept", "127.0.0.1:0", *options, *identity, "-rev") as process,
        socket.create_connection(("127.0.0.1", accepting(process)), PATIENCE_S) as line,
    ):
        with_host = Talk(session, line.fileno(), line.fileno())
        session.start()
        if not right:
            with pytest.raises(SessionFailed) as failed:
                with_host.shake()
            assert failed.value.check is Check.CHAIN or failed.value.check is Check.PURPOSE
            assert not session.pending or len(b"".join(session.outgoing())) < 100
            return
        with_host.shake()
        assert session.peer is not None and Role.BENCH in session.peer.roles
        session.seal(b"egatoof\n")
        with_host.until(8)
        assert with_host.heard == b"footage\n"
        assert process.poll() is None


def accepting(process: subprocess.Popen[bytes]) -> int:
    """The port that it chose, once it listens there."""
    assert process.stdout is not None
    for said in process.stdout:
        if said.startswith(b"ACCEPT 127.0.0.1:"):
            return int(said.rpartition(b":")[2])
    raise AssertionError("openssl went away")
