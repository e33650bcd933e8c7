"""Time stamps from a real responder, OpenSSL's: asked, verified, kept; and all that an authority may do wrong."""

import contextlib
import random
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bwc_sdk.errors import TimeStampError, TimeStampUnavailable
from bwc_sdk.evidence import time_stamps
from bwc_sdk.evidence.time_stamps import ANSWER_MAX, fetch_time_stamp, verify_time_stamp
from tests.tiers import times
from tools.testkit.time_stamping import Authority, authority

PAYLOAD = b"the head of a chain"
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the responder is OpenSSL's")


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with authority(tmp_path_factory.mktemp("tsa")) as made:
        yield made


@pytest.fixture(autouse=True)
def as_it_was(tsa: Authority) -> Iterator[None]:
    yield
    tsa.status, tsa.body = 200, None


def test_an_authority_vouches_for_a_time(tsa: Authority) -> None:
    before = int(time.time()) * 10**9
    answer = fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,))
    found = verify_time_stamp(answer, PAYLOAD, (tsa.root,))
    assert before <= found.utc_ns <= time.time_ns()
    assert found.authority == "CN=TSA 1" and found.policy == "1.2.3.4.1"


def test_openssl_verifies_what_is_kept(tsa: Authority) -> None:
    (tsa.place / "kept.tsr").write_bytes(fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,)))
    (tsa.place / "payload").write_bytes(PAYLOAD)
    said = tsa.openssl("ts", "-verify", "-data", "payload", "-in", "kept.tsr", "-CAfile", "root.pem")
    assert b"Verification: OK" in said


def test_the_authority_sees_nothing_but_a_hash(tsa: Authority) -> None:
    fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,))
    assert PAYLOAD not in tsa.queries[-1] and len(tsa.queries[-1]) < 100


def test_a_time_stamp_is_of_these_bytes_alone(tsa: Authority) -> None:
    answer = fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,))
    with pytest.raises(TimeStampError, match="does not verify"):
        verify_time_stamp(answer, PAYLOAD + b"!", (tsa.root,))


def test_an_answer_to_another_query_is_refused(tsa: Authority) -> None:
    """The nonce: one that somebody recorded vouches for no time of today."""
    fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,))
    tsa.body = tsa.reply(tsa.queries[-1])
    with pytest.raises(TimeStampError, match="Nonce"):
        fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,))


def test_an_authority_of_another_root_is_refused(tsa: Authority, tmp_path: Path) -> None:
    with authority(tmp_path) as other:
        root = other.root
    with pytest.raises(TimeStampError, match="does not verify"):
        fetch_time_stamp(PAYLOAD, tsa.url, (root,))


def test_no_changed_byte_of_an_answer_verifies(tsa: Authority) -> None:
    answer = fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,))
    good = verify_time_stamp(answer, PAYLOAD, (tsa.root,))
    for at in random.Random(3161).sample(range(len(answer)), times(60)):
        changed = answer[:at] + bytes([answer[at] ^ (1 << at % 8)]) + answer[at + 1 :]
        try:
            found = verify_time_stamp(changed, PAYLOAD, (tsa.root,))
        except TimeStampError:
            continue
        assert (found.utc_ns, found.policy) == (good.utc_ns, good.policy), (
            at
        )  # what is not signed says nothing


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_authority_that_has_no_time_is_asked_again_later(tsa: Authority, status: int) -> None:
    tsa.status, tsa.body = status, b""
    with pytest.raises(TimeStampUnavailable, match=str(status)):
        fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,))


def test_one_that_cannot_be_reached_is_asked_again_later(tsa: Authority) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(TimeStampUnavailable, match="cannot be reached"):
            fetch_time_stamp(PAYLOAD, f"http://127.0.0.1:{nobody.getsockname()[1]}/", (tsa.root,))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no time stamp"),
        (b"<html>", "no time stamp"),
        (bytes(ANSWER_MAX + 1), "more than"),
        (bytes.fromhex("30053003020102"), "refused"),
    ],
)
def test_what_is_no_time_stamp_is_refused(tsa: Authority, body: bytes, why: str) -> None:
    tsa.body = body
    with pytest.raises(TimeStampError, match=why):
        fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,))


@pytest.mark.parametrize("status", [404, 302])
def test_another_page_is_no_authority(tsa: Authority, status: int) -> None:
    tsa.status, tsa.body = status, b"moved"
    with pytest.raises(TimeStampError, match=str(status)) as told:
        fetch_time_stamp(PAYLOAD, tsa.url, (tsa.root,))
    assert not isinstance(told.value, TimeStampUnavailable)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/", "tsa.example", "http://"])
def test_only_web_addresses_are_asked(tsa: Authority, url: str) -> None:
    with pytest.raises(TimeStampError, match="begins with http"):
        fetch_time_stamp(PAYLOAD, url, (tsa.root,))


@contextlib.contextmanager
def listening(answers: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A URL of this host behind which somebody takes the call, and does what is given until it is told to stop."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                caller, _ = server.accept()
                with caller:
                    answers(caller, over)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            over.set()
            thread.join(30)


def silent(caller: socket.socket, over: threading.Event) -> None:
    over.wait(30)


def trickling(caller: socket.socket, over: threading.Event) -> None:
    """Never silent for long, and never done."""
    caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while not over.wait(0.02):
        caller.sendall(b"\x30")


def test_one_that_takes_the_call_and_stays_silent_is_asked_again_later(
    tsa: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the bound of its silence this would end by the other one, which says so."""
    monkeypatch.setattr(time_stamps, "WAIT_S", 0.05)
    with (
        listening(silent) as url,
        pytest.raises(TimeStampUnavailable, match=r"cannot be reached: .*timed out"),
    ):
        fetch_time_stamp(PAYLOAD, url, (tsa.root,))


def test_one_that_answers_byte_by_byte_is_not_waited_for_without_end(
    tsa: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_stamps, "WHOLE_S", 0.3)
    with listening(trickling) as url, pytest.raises(TimeStampUnavailable, match="takes longer than"):
        fetch_time_stamp(PAYLOAD, url, (tsa.root,))


def test_the_bounds_are_those_of_a_run_that_somebody_waits_for() -> None:
    assert time_stamps.WAIT_S <= 30 and time_stamps.WAIT_S < time_stamps.WHOLE_S <= 120
