"""Footage is real: any decoder opens it, sees the time, and hears silence where the camera was muted."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.camera.provisioning import provision
from firmware_sim.footage import mp4 as module
from firmware_sim.footage.mp4 import FPS, SAMPLE_RATE, FootageUnavailable, cache_directory, segment_mp4
from firmware_sim.footage.source import Mp4Footage

NOON_NS = 1_760_011_200_000_000_000


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("footage")


@pytest.fixture(scope="module")
def data(cache: Path) -> bytes:
    return segment_mp4(NOON_NS, 3.0, "SIM-0001", seed=5, mute=((1000, 2000),), cache=cache)


def pictures(data: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray(format="gray8").astype(int) for frame in container.decode(video=0)]


def test_it_is_mp4_with_h264_and_aac_of_the_length_asked_for(data: bytes) -> None:
    with av.open(io.BytesIO(data)) as container:
        assert "mp4" in container.format.name
        assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(3.0, abs=0.15)
        video = container.streams.video[0]
        assert (video.width, video.height) == (640, 360)
    assert len(pictures(data)) == 3 * FPS


def test_the_picture_moves_and_the_time_is_burnt_in(data: bytes) -> None:
    frames = pictures(data)
    assert np.abs(frames[0][100:] - frames[FPS][100:]).mean() > 3
    strip = [frame[:24] for frame in frames]
    assert (strip[0] > 180).sum() > 100  # bright letters on a dark strip
    digits = slice(130, 200)
    assert np.abs(strip[0][:, digits] - strip[2 * FPS][:, digits]).max() > 100
    other = pictures(segment_mp4(NOON_NS, 0.5, "SIM-9999", seed=5, cache=Path("/nonexistent")))
    assert np.abs(strip[0] - other[0][:24]).max() > 100


def test_there_is_a_tone_and_silence_where_it_was_muted(data: bytes) -> None:
    with av.open(io.BytesIO(data)) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    loudness = [
        np.abs(sound[int(s * SAMPLE_RATE) : int((s + 0.5) * SAMPLE_RATE)]).mean() for s in (0.3, 1.3, 2.4)
    ]
    assert loudness[0] > 0.05 and loudness[2] > 0.05
    assert loudness[1] < 0.002


def test_the_same_parameters_give_the_same_bytes_and_others_others(data: bytes, tmp_path: Path) -> None:
    again = segment_mp4(NOON_NS, 3.0, "SIM-0001", seed=5, mute=((1000, 2000),), cache=tmp_path)
    assert again == data
    assert segment_mp4(NOON_NS, 3.0, "SIM-0001", seed=6, mute=((1000, 2000),), cache=tmp_path) != data


def test_the_begin_of_a_file_plays_to_its_last_whole_fragment(data: bytes) -> None:
    shown = 0
    with av.open(io.BytesIO(data[: len(data) * 7 // 10])) as container:
        try:
            for _ in container.decode(video=0):
                shown += 1
        except av.error.InvalidDataError:
            pass  # the fragment that was cut
    assert shown >= FPS


def test_finished_footage_comes_from_the_cache(
    cache: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_encode", lambda _scene: pytest.fail("was encoded again"))
    assert segment_mp4(NOON_NS, 3.0, "SIM-0001", seed=5, mute=((1000, 2000),), cache=cache) == data
    assert not list(cache.glob("*.part"))


def test_the_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_encode", lambda scene: bytes(1000))
    monkeypatch.setattr(module, "CACHE_MAX_BYTES", 3500)
    for seed in range(6):
        segment_mp4(NOON_NS, 1.0, "SIM-0001", seed=seed, cache=tmp_path)
    assert len(list(tmp_path.glob("*.mp4"))) == 3


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert segment_mp4(0, 0.2, "SIM-0001", cache=tmp_path / "file" / "cache")


def test_the_cache_is_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "bwc-sdk" / "footage"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "missing"))
    assert not str(cache_directory()).startswith(str(tmp_path))


@pytest.mark.parametrize("missing", ["av", "numpy", "PIL"])
def test_without_the_extra_the_error_names_it(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(FootageUnavailable, match=r"bwc-sdk\[sim\]"):
        segment_mp4(NOON_NS, 1.0, "SIM-0001", cache=tmp_path)


@pytest.mark.parametrize("start_utc_ns", [-(1 << 62), 0, (1 << 63) - 1])
def test_a_clock_that_is_far_off_still_films(start_utc_ns: int, cache: Path) -> None:
    assert len(pictures(segment_mp4(start_utc_ns, 0.2, "SIM-0001", cache=cache))) == round(0.2 * FPS)


def test_the_expected_rate_is_about_right(data: bytes) -> None:
    assert len(data) / 3 == pytest.approx(Mp4Footage().bytes_per_second, rel=0.35)


# As it is configured


def recorded(camera: SimCamera, values: dict[str, str]) -> bytes:
    """Footage of three seconds, filmed under these settings."""
    provision(camera, values)
    assert camera.wearer.start()
    camera.time.skip(3)
    camera.wearer.stop()
    newest = camera.listing(0, 99)[-1]
    return bytes(newest.blobs[0].read(0, newest.blobs[0].size_bytes))


@pytest.fixture
def filming(cache: Path) -> Iterator[SimCamera]:
    camera = SimCamera(CameraOptions(seed=7, footage=Mp4Footage(cache)), utc_ns=NOON_NS)
    provision(camera, {"recording.pre_event_s": "0"})
    yield camera
    camera.close()


@pytest.mark.parametrize("resolution", ["848x480", "1280x720", "1920x1080"])
def test_the_picture_has_the_size_that_is_configured(filming: SimCamera, resolution: str) -> None:
    frames = pictures(recorded(filming, {"recording.resolution": resolution}))
    height, width = frames[0].shape
    assert f"{width}x{height}" == resolution
    letters = frames[0][: height * 24 // 360]
    assert 0.002 < (letters > 180).mean() < 0.2, "the text grows with the picture"
    assert np.abs(frames[0][height // 2 :] - frames[FPS][height // 2 :]).mean() > 2, "and things move in it"


@pytest.mark.parametrize("kbps", [500, 2_000, 6_000, 12_000])
def test_the_file_has_the_rate_that_is_configured(filming: SimCamera, kbps: int) -> None:
    data = recorded(filming, {"recording.bitrate_kbps": str(kbps)})
    assert len(data) * 8 / 3 / 1000 == pytest.approx(kbps, rel=0.25)


@pytest.mark.parametrize("timestamp", ["true", "false"])
@pytest.mark.parametrize("identity", ["true", "false"])
def test_what_is_burnt_in_is_what_is_configured(filming: SimCamera, timestamp: str, identity: str) -> None:
    size = {"recording.resolution": "848x480"}
    frames = pictures(
        recorded(filming, size | {"overlay.timestamp": timestamp, "overlay.identity": identity})
    )
    strip, later = frames[0][:32].astype(int), frames[FPS][:32].astype(int)
    letters = [(part > 180).mean() for part in (strip[:, :235], strip[:, 235:420])]
    both = timestamp == identity == "true"
    assert bool(letters[0] > 0.02) == ("true" in (timestamp, identity)), "the begin of the text"
    assert bool(letters[1] > 0.02) == both, "the rest of it"
    if "true" in (timestamp, identity):
        changes = np.abs(strip[:, :235] - later[:, :235]).max() > 100
        assert bool(changes) == (timestamp == "true"), "the time goes on, a name stays"
    else:
        assert strip.mean() > 100, "the sky goes up to the edge"


def test_the_microphone_s_gain_is_heard(filming: SimCamera) -> None:
    def loudness(gain: str) -> float:
        with av.open(io.BytesIO(recorded(filming, {"audio.gain_db": gain}))) as container:
            return float(
                np.abs(np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])).mean()
            )

    assert loudness("-12") < loudness("0") / 2 < loudness("6") / 3


def test_the_room_that_is_left_is_counted_at_the_rate_that_is_configured(filming: SimCamera) -> None:
    lasts = {}
    for kbps in (500, 12_000):
        provision(filming, {"recording.bitrate_kbps": str(kbps)})
        assert filming.wearer.start()
        lasts[kbps] = filming.recorder._room_ends_ms(filming.recorder._open)
        filming.recorder.close_now()
    assert lasts[500] == pytest.approx(24 * lasts[12_000], rel=0.01)


def test_a_simulator_that_was_killed_films_the_rest_as_it_was_configured_then(
    cache: Path, tmp_path: Path
) -> None:
    options = CameraOptions(seed=7, footage=Mp4Footage(cache), state=tmp_path / "camera")
    camera = SimCamera(options, utc_ns=NOON_NS)
    provision(camera, {"recording.pre_event_s": "0", "recording.resolution": "848x480"})
    assert camera.wearer.start()
    camera.time.skip(4)
    camera.settle()
    provision(camera, {"recording.resolution": "1920x1080"})
    camera._held.close()  # killed
    again = SimCamera(options, utc_ns=NOON_NS)
    (found,) = again.listing(0, 9)
    with av.open(io.BytesIO(bytes(found.blobs[0].read(0, found.blobs[0].size_bytes)))) as container:
        assert container.streams.video[0].width == 848
    again.close()
