"""What `bwc info` and `bwc decode` say of a device on a socket whose firmware is not finished."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bwc_sdk import sync
from bwc_sdk.__main__ import main
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.running.failure import report
from bwc_sdk.errors import BwcError
from tools.generate.smallest_device import RESET, Smallest


class Resets(Smallest):
    """It resets the channel that a host opens."""

    def _begin(self, epoch: int) -> None:
        super()._begin(epoch)
        self._say(RESET, epoch, bytes((7, 0, 0, 0)))


class OfAnother(Smallest):
    """Its HELLO_ACK does not echo the host's nonce."""

    def _hello(self, host_nonce: int, max_payload: int) -> None:
        super()._hello(host_nonce ^ 1, max_payload)


@contextmanager
def serving(device: Smallest) -> Iterator[str]:
    """The device at a TCP port of its own, for one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                with listener.accept()[0] as line:
                    while data := line.recv(65_536):
                        device.receive(data)
                        said, device.said = device.said, b""
                        line.sendall(said)
            except OSError:
                pass  # the host has gone

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join(30)


def run(*argv: str) -> int:
    return int(main(list(argv)))


def test_a_device_that_resets_the_channel_is_not_a_matter_of_cable_and_power(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wire = tmp_path / "wire.jsonl"
    with serving(Resets()) as uri:
        code = run("info", "--device", uri, "--allow-insecure", "--capture", str(wire))
    told = capsys.readouterr().err
    assert code == ExitCode.NOT_A_DEVICE
    assert "RESET(PROTOCOL)" in told and "cable" not in told
    assert "seen: " in told and "1 HELLO_ACK" in told and "it stopped here: " in told
    assert run("decode", str(wire)) == 0
    shown = capsys.readouterr().out
    assert "RESET" in shown and 'reason="PROTOCOL"' in shown
    assert "host_nonce=" in shown


class Newer(Smallest):
    """It speaks version 2.0, and nothing older."""

    def _record(self, kind: int, body: bytes) -> None:
        if kind == 1:
            self._waiting = self._waiting[:4] + bytes((2, 0, 2, 0)) + self._waiting[8:]
        super()._record(kind, body)


def test_an_answer_that_says_all_is_not_explained_by_frames(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Newer()) as uri:
        code = run("info", "--device", uri)
    told = capsys.readouterr().err
    assert code == ExitCode.NOT_A_DEVICE
    assert "the peer speaks 2.0 to 2.0" in told and "seen:" not in told


class NothingThere(Smallest):
    """Its channel 0 has no device."""

    def _begin(self, epoch: int) -> None:
        super()._begin(epoch)
        self._say(RESET, epoch, bytes((4, 0, 0, 0)))


def test_a_device_without_itself_is_not_told_of_a_bay(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(NothingThere()) as uri:
        code = run("info", "--device", uri)
    told = capsys.readouterr().err
    assert code == ExitCode.NOT_A_DEVICE
    assert "RESET(NO_DEVICE)" in told and "channel 0" in told and "bay" not in told


class Crashes(Smallest):
    """It goes down when the host opens the channel."""

    def _begin(self, epoch: int) -> None:
        raise OSError("down")


def test_a_device_that_goes_down_on_the_way_is_told_with_what_it_was_to_send(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(Crashes()) as uri:
        code = run("info", "--device", uri)
    told = capsys.readouterr().err
    assert code == ExitCode.LOST
    assert "it went when this had to come: " in told and "1 HELLO_ACK" in told
    assert "did it crash" in told


@pytest.fixture(scope="module")
def of_another() -> BwcError:
    """What a connection to it ends with, once its host has asked for long enough."""
    with serving(OfAnother()) as uri, pytest.raises(BwcError) as caught:
        sync.connect(uri)
    return caught.value


@pytest.mark.parametrize("as_json", [False, True])
def test_a_wrong_nonce_is_told_with_both_numbers(
    as_json: bool, of_another: BwcError, capsys: pytest.CaptureFixture[str]
) -> None:
    code = report(of_another, as_json=as_json)
    told = capsys.readouterr().err
    assert code == ExitCode.NOT_A_DEVICE
    if as_json:
        error = json.loads(told.strip().splitlines()[-1])["error"]
        assert error["seen"]["stage"] == "hello"
        (refused,) = error["seen"]["refused"]
        assert (refused["frame"], refused["field"]) == ("HELLO_ACK", "host_nonce")
        assert refused["came"] == refused["wanted"] ^ 1
        assert error["seen"]["link"]["discarded"]["stale_link"] > 0
    else:
        assert "HELLO_ACK with host_nonce" in told and "host_nonce of the HELLO that it answers" in told


def test_a_finished_device_gets_no_remark(sim: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", "--device", sim, "--json") == 0
    assert json.loads(capsys.readouterr().out)["remarks"] == []
