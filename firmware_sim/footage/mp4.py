"""True footage: H.264 and AAC in MP4 that any player opens, with time and camera burnt in.

The file is fragmented, a fragment a second, as a camera writes it that may lose power: whatever prefix of it
survives plays to its last whole fragment. The same parameters give the same bytes (with the same codecs), so
that finished files are cached.
"""

import hashlib
import io
import os
import tempfile
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import av
    import numpy as np
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

FPS: Final = 12
SAMPLE_RATE: Final = 16_000
SOUND_KBPS: Final = 32
LINES: Final = 360
"""Height for which the sizes below are; they grow with the picture."""
STRIP: Final = 24
"""Lines at the top that carry the text."""
LETTERS: Final = 15
"""Size of the text."""
NOISE: Final = 9
"""Amplitude of the sensor noise, in steps of luminance: as on a real camera, it takes most of the rate."""
CACHE_MAX_BYTES: Final = 256 * 1024 * 1024
"""Footage kept in the user's cache; beyond it the files that were not used for longest go."""
FORM: Final = 2
"""Raised when the pictures change, so that no cache answers with old ones."""


class FootageUnavailable(RuntimeError):
    """The optional parts that make real footage are not installed."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"real footage needs {missing}: pip install 'bwc-sdk[sim]'")


@dataclass(frozen=True, slots=True)
class Picture:
    """How a camera is configured to film."""

    width: int = 640
    height: int = 360
    kbps: int = 2_000
    """Rate of picture and sound together."""
    identity: bool = True
    """Whether the camera's identity is burnt in."""
    timestamp: bool = True
    """Whether the time is burnt in."""

    @property
    def bytes_per_second(self) -> int:
        """What a second of it takes, about."""
        return self.kbps * 125


PLAIN: Final = Picture()
"""Small and quick to make."""
BYTES_PER_SECOND: Final = PLAIN.bytes_per_second


@dataclass(frozen=True, slots=True)
class Scene:
    """All that decides what a segment of footage looks and sounds like."""

    start_utc_ns: int
    """Time that is burnt into the first picture."""
    duration_ms: int
    label: str
    """Burnt in beside the time: the camera's identity."""
    seed: int = 0
    mute: tuple[tuple[int, int], ...] = ()
    """Stretches without sound, from and to, in ms from the begin of the segment."""
    picture: Picture = PLAIN
    gain_db: int = 0
    """Of the microphone."""
    grows: bool = False
    """Whether it is being filmed: more of it may follow, and what there is of it stays as it is."""


def segment_mp4(
    start_utc_ns: int,
    seconds: float,
    label: str,
    seed: int = 0,
    mute: tuple[tuple[int, int], ...] = (),
    cache: Path | None = None,
    picture: Picture = PLAIN,
    gain_db: int = 0,
) -> bytes:
    """An MP4 file of `seconds`, from the cache or made now (about 40 ms for each second of a small picture).

    Raises `FootageUnavailable` without the extra `sim`.
    """
    scene = Scene(start_utc_ns, max(1, round(seconds * 1000)), label, seed, mute, picture, gain_db)
    directory = cache if cache is not None else cache_directory()
    path = directory / f"{_key(scene)}.mp4"
    try:
        data = path.read_bytes()
        os.utime(path)
        return data
    except OSError:
        pass  # not there yet, or a cache that cannot be read: neither is worse than making it
    data = _encode(scene)
    try:
        _keep(path, data)
    except OSError:
        pass  # a full or read-only cache costs time only
    return data


def cache_directory() -> Path:
    """Where footage is cached: below XDG_CACHE_HOME, or the user's own cache, or the temporary directory."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named else Path("~/.cache").expanduser()
    usable = base.is_dir() and os.access(base, os.W_OK)
    return (base if usable else Path(tempfile.gettempdir()) / f"cache-{os.getuid()}") / "bwc-sdk" / "footage"


def _key(scene: Scene) -> str:
    codecs = _libraries().library_versions
    facts = repr((FORM, FPS, SAMPLE_RATE, NOISE, codecs, astuple(scene)))
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    _prune(path.parent)


def _prune(directory: Path) -> None:
    files = sorted(((f.stat().st_mtime, f.stat().st_size, f) for f in directory.glob("*.mp4")), reverse=True)
    total = 0
    for _, size, file in files:
        total += size
        if total > CACHE_MAX_BYTES:
            file.unlink(missing_ok=True)


def _libraries() -> Any:
    try:
        import av
        import numpy  # noqa: F401 (asked for here, so that one error names what is missing)
        import PIL  # noqa: F401 (likewise)
    except ImportError as error:
        raise FootageUnavailable(str(error.name)) from error
    return av


def _encode(scene: Scene) -> bytes:
    """Encodes picture and sound second by second, in the order in which a player wants them."""
    av, file = _libraries(), io.BytesIO()
    # Fragments begin at key frames (one a second); nothing has to be patched in once the end is known.
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "fflags": "+bitexact"}
    with av.open(file, "w", format="mp4", options=options) as container:
        video, audio = _streams(container, scene.picture)
        painter = _Painter(scene)
        frames = max(1, round(scene.duration_ms * FPS / 1000))
        samples = round(scene.duration_ms * SAMPLE_RATE / 1000)
        for first in range(0, frames, FPS):
            for index in range(first, min(frames, first + FPS)):
                container.mux(video.encode(painter.frame(index)))
            begin = first // FPS * SAMPLE_RATE
            end = samples if first + FPS >= frames else begin + SAMPLE_RATE
            if end > begin:
                container.mux(audio.encode(_sound(scene, begin, end)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return file.getvalue()


def _streams(container: "OutputContainer", picture: Picture) -> "tuple[VideoStream, AudioStream]":
    # One thread and no look-ahead: the bytes do not depend on the machine's cores or on what comes later.
    rate = f"{picture.kbps - SOUND_KBPS}k"
    tuning = {"preset": "ultrafast", "tune": "zerolatency", "threads": "1"}
    bounds = {"b": rate, "maxrate": rate, "bufsize": rate}  # a second of it: what a fragment holds
    video = container.add_stream("libx264", rate=FPS, options=tuning | bounds)
    video.width, video.height, video.pix_fmt, video.gop_size = picture.width, picture.height, "yuv420p", FPS
    audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
    audio.bit_rate = SOUND_KBPS * 1000
    return video, audio


class _Painter:
    """Draws the pictures of one scene: a street at dusk with things that move, under a line of text."""

    def __init__(self, scene: Scene) -> None:
        import numpy as np
        from PIL import ImageFont

        self._scene = scene
        self._width, self._height = width, height = scene.picture.width, scene.picture.height
        self._size = height / LINES
        self._rng = np.random.Generator(np.random.PCG64(scene.seed & 0xFFFF_FFFF_FFFF_FFFF))
        self._font = ImageFont.load_default(round(LETTERS * self._size))
        self._began = _utc(scene.start_utc_ns)
        self._base = np.empty((height * 3 // 2, width), np.uint8)
        self._base[:height] = np.linspace(150, 60, height).astype(np.uint8)[:, None]
        self._base[height * 2 // 3 : height] -= 20
        # The planes of colour below the picture: each seed has its own tint.
        tint = (128 + self._rng.integers(-14, 15, 2)).astype(np.uint8)
        self._base[height:] = np.repeat(tint, height // 4)[:, None]
        # Added modulo 256: no shade comes nearer to black or white than the noise is strong.
        self._noise = self._rng.integers(-NOISE, NOISE + 1, (height * 2, width), dtype=np.int8).view(np.uint8)
        self._movers = [
            (int(self._rng.integers(0, width)), int(self._rng.integers(-9, 10)) or 3, int(shade))
            for shade in self._rng.integers(30, 220, 5)
        ]

    def frame(self, index: int) -> "av.VideoFrame":
        import av

        picture = self._base.copy()
        side = round(60 * self._size)
        for number, (x, speed, shade) in enumerate(self._movers):
            left = round(x + speed * index * self._size) % (self._width - side)
            top = self._height // 2 + round(number * 22 * self._size)
            picture[top : top + side, left : left + side] = shade
        shift = int(self._rng.integers(0, self._height))
        picture[: self._height] += self._noise[shift : shift + self._height]
        text = self._text(index)
        if text:
            picture[: round(STRIP * self._size)] = self._strip(text)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        return frame

    def _text(self, index: int) -> str:
        """What is burnt in; nothing where nothing is configured to be."""
        overlay = self._scene.picture
        now = self._began + timedelta(seconds=index / FPS)
        stamp = f"{now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 100_000} UTC"
        return "   ".join([stamp] * overlay.timestamp + [self._scene.label] * overlay.identity)

    def _strip(self, text: str) -> "NDArray[np.uint8]":
        import numpy as np
        from PIL import Image, ImageDraw

        strip = Image.new("L", (self._width, round(STRIP * self._size)), 16)
        at = (round(6 * self._size), round(3 * self._size))
        ImageDraw.Draw(strip).text(at, text, fill=235, font=self._font)
        return np.asarray(strip)


def _sound(scene: Scene, begin: int, end: int) -> "av.AudioFrame":
    """A tone that beats once a second; silence where the scene is mute."""
    import av
    import numpy as np

    at_s = np.arange(begin, end) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * (440 + scene.seed % 7 * 55) * at_s) * (0.25 + 0.15 * np.sin(2 * np.pi * at_s))
    for from_ms, to_ms in scene.mute:
        tone[(at_s >= from_ms / 1000) & (at_s < to_ms / 1000)] = 0.0
    tone *= 10 ** (scene.gain_db / 20)
    pcm = (np.clip(tone, -1, 1) * 32_000).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, begin, Fraction(1, SAMPLE_RATE)
    return frame


def _utc(ns: int) -> datetime:
    """The time to burn in; a clock that is far off shows the end of the calendar rather than nothing."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    latest = datetime(9999, 12, 31, tzinfo=UTC) - epoch
    return epoch + min(max(timedelta(microseconds=ns // 1000), timedelta(0)), latest)
