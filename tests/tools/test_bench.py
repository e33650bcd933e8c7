"""The benchmarks stay alive, and a contender that skips its work is no contender. No figure is asserted."""

import json
from pathlib import Path
from typing import Final

import pytest

from tools.bench.__main__ import NAMES, main
from tools.bench.ideal_receiver import MIB, Receiver
from tools.bench.process import BenchError, run_child
from tools.bench.recordings import BESIDE
from tools.bench.result import compare
from tools.bench.sessions import INSECURE_ENV, aim, simulator

SLOW: Final = (
    *("station-4", "evidence-custody", "evidence-recording"),
    *("recordings-large", "offload-usb", "secure-info", "listing"),
)
"""As another one, with more of the same, or by another way."""
SLOWEST: Final = ("station-16", "station-64")


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in NAMES if name not in SLOW + SLOWEST),
        *(pytest.param(name, marks=pytest.mark.ci) for name in SLOW),
        *(pytest.param(name, marks=pytest.mark.night) for name in SLOWEST),
    ],
)
def test_each_benchmark_runs_at_its_smallest(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tmp_path / "found.json"
    arguments = [name, "--mib", "1", "--rounds", "1", "--store", str(tmp_path), "--json", str(found)]
    assert main(arguments) == 0, capsys.readouterr().err
    results = json.loads(found.read_text())["results"]
    of_recordings = len(BESIDE.get(name.removeprefix("recordings-"), "1"))
    several = {
        "start-up": 2,
        "secure-offload": 3,
        "evidence-offload": 2,
        "evidence-custody": 2,
        "evidence-recording": 3,
    }
    assert len(results) == several.get(name, of_recordings)
    told = capsys.readouterr().out
    for result in results:
        assert result["n"] == 1
        assert result["ratio"] > 0
        assert result["benchmark"] in told
    assert list(tmp_path.iterdir()) == [found]  # what was stored is gone


def test_a_run_without_protection_says_so_to_its_contenders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(INSECURE_ENV, "")  # put back afterwards
    assert aim("≥ 0.80") == "≥ 0.80 (insecure)"
    assert main(["offload-tcp", "--insecure", "--mib", "1", "--rounds", "1", "--store", str(tmp_path)]) == 0
    assert "(insecure)" not in capsys.readouterr().out and simulator()[-1] == "--insecure"


def test_an_unknown_benchmark_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["no-such"])
    assert ended.value.code == 2


def test_the_ratio_is_that_of_medians() -> None:
    result = compare("x", "s", [1.0, 3.0, 100.0], [2.0, 6.0, 4.0], aim="")
    assert (result.ours, result.beside, result.ratio) == (3.0, 4.0, 0.75)
    assert (result.low, result.high) == (0.5, 25.0)


def test_a_contender_that_fails_gives_no_sample(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="No such file"):
        run_child("tools.bench.ideal_receiver", "serial:/dev/no-such-port", "1", tmp_path)


class _Sender:
    """Fills buffers out of a fixed stream, then ends."""

    def __init__(self, stream: bytes) -> None:
        self._left = memoryview(stream)

    def __call__(self, view: memoryview) -> int:
        piece, self._left = self._left[: len(view)], self._left[len(view) :]
        view[: len(piece)] = piece
        return len(piece)


def test_the_ideal_receiver_checks_the_crc(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as file, pytest.raises(ValueError, match="CRC"):
        Receiver(_Sender(bytes(MIB) + b"bad!"), MIB, file.fileno()).run()


def test_the_ideal_receiver_reads_back_what_it_stored(tmp_path: Path) -> None:
    import google_crc32c

    data = bytes(range(256)) * (3 * MIB // 512)  # one and a half MiB
    trailer = google_crc32c.value(data).to_bytes(4, "little")
    with (tmp_path / "file").open("w+b", buffering=0) as file:
        receiver = Receiver(_Sender(data + trailer), len(data), file.fileno())
        receiver.run()
        receiver.read_back()
        assert (tmp_path / "file").read_bytes() == data
        file.seek(MIB)
        file.write(b"!")
        with pytest.raises(ValueError, match="MiB 1"):
            receiver.read_back()
