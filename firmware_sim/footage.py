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

WIDTH: Final = 640
HEIGHT: Final = 360
FPS: Final = 12
SAMPLE_RATE: Final = 16_000
BYTES_PER_SECOND: Final = 250_000
"""About what the settings below give (2 Mbit/s): sensor noise makes it, as on a real camera."""
STRIP: Final = 24
"""Lines at the top that carry the text."""
NOISE: Final = 9
"""Amplitude of the sensor noise, in steps of luminance."""
CACHE_MAX_BYTES: Final = 256 * 1024 * 1024
"""Footage kept in the user's cache; beyond it the files that were not used for longest go."""
FORM: Final = 1
"""Raised when the pictures change, so that no cache answers with old ones."""


class FootageUnavailable(RuntimeError):
    """The optional parts that make real footage are not installed."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"real footage needs {missing}: pip install 'bwc-sdk[sim]'")


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


def segment_mp4(
    start_utc_ns: int,
    seconds: float,
    label: str,
    seed: int = 0,
    mute: tuple[tuple[int, int], ...] = (),
    cache: Path | None = None,
) -> bytes:
    """An MP4 file of `seconds`, from the cache or made now (about 40 ms for each second of footage).

    Raises `FootageUnavailable` without the extra `sim`.
    """
    scene = Scene(start_utc_ns, max(1, round(seconds * 1000)), label, seed, mute)
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
    facts = repr((FORM, WIDTH, HEIGHT, FPS, SAMPLE_RATE, NOISE, codecs, astuple(scene)))
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
        import PIL  # noqa: F401
    except ImportError as error:
        raise FootageUnavailable(str(error.name)) from error
    return av


def _encode(scene: Scene) -> bytes:
    """Encodes picture and sound second by second, in the order in which a player wants them."""
    av, file = _libraries(), io.BytesIO()
    # Fragments begin at key frames (one a second); nothing has to be patched in once the end is known.
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "fflags": "+bitexact"}
    with av.open(file, "w", format="mp4", options=options) as container:
        video, audio = _streams(container)
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


def _streams(container: "OutputContainer") -> "tuple[VideoStream, AudioStream]":
    # One thread and no look-ahead: the bytes do not depend on the machine's cores or on what comes later.
    tuning = {"preset": "ultrafast", "tune": "zerolatency", "crf": "27", "threads": "1"}
    video = container.add_stream("libx264", rate=FPS, options=tuning)
    video.width, video.height, video.pix_fmt, video.gop_size = WIDTH, HEIGHT, "yuv420p", FPS
    audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
    audio.bit_rate = 32_000
    return video, audio


class _Painter:
    """Draws the pictures of one scene: a street at dusk with things that move, under a line of text."""

    def __init__(self, scene: Scene) -> None:
        import numpy as np
        from PIL import ImageFont

        self._scene = scene
        self._rng = np.random.Generator(np.random.PCG64(scene.seed & 0xFFFF_FFFF_FFFF_FFFF))
        self._font = ImageFont.load_default(15)
        self._began = _utc(scene.start_utc_ns)
        self._base = np.empty((HEIGHT * 3 // 2, WIDTH), np.int16)
        self._base[:HEIGHT] = np.linspace(150, 60, HEIGHT, dtype=np.int16)[:, None]
        self._base[HEIGHT * 2 // 3 : HEIGHT] -= 20
        # The planes of colour below the picture: each seed has its own tint.
        self._base[HEIGHT:] = 128 + np.repeat(self._rng.integers(-14, 15, 2), HEIGHT // 4)[:, None]
        self._noise = self._rng.integers(-NOISE, NOISE + 1, (HEIGHT * 2, WIDTH), dtype=np.int16)
        self._movers = [
            (int(self._rng.integers(0, WIDTH)), int(self._rng.integers(-9, 10)) or 3, int(shade))
            for shade in self._rng.integers(30, 220, 5)
        ]

    def frame(self, index: int) -> "av.VideoFrame":
        import av
        import numpy as np

        picture = self._base.copy()
        for number, (x, speed, shade) in enumerate(self._movers):
            left = (x + speed * index) % (WIDTH - 60)
            top = HEIGHT // 2 + number * 22
            picture[top : top + 60, left : left + 60] = shade
        shift = int(self._rng.integers(0, HEIGHT))
        picture[:HEIGHT] += self._noise[shift : shift + HEIGHT]
        drawn = np.clip(picture, 16, 235).astype(np.uint8)
        drawn[:STRIP] = self._text(index)
        frame = av.VideoFrame.from_ndarray(drawn, format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        return frame

    def _text(self, index: int) -> "NDArray[np.uint8]":
        import numpy as np
        from PIL import Image, ImageDraw

        now = self._began + timedelta(seconds=index / FPS)
        strip = Image.new("L", (WIDTH, STRIP), 16)
        text = f"{now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 100_000} UTC   {self._scene.label}"
        ImageDraw.Draw(strip).text((6, 3), text, fill=235, font=self._font)
        return np.asarray(strip)


def _sound(scene: Scene, begin: int, end: int) -> "av.AudioFrame":
    """A tone that beats once a second; silence where the scene is mute."""
    import av
    import numpy as np

    at_s = np.arange(begin, end) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * (440 + scene.seed % 7 * 55) * at_s) * (0.25 + 0.15 * np.sin(2 * np.pi * at_s))
    for from_ms, to_ms in scene.mute:
        tone[(at_s >= from_ms / 1000) & (at_s < to_ms / 1000)] = 0.0
    pcm = (tone * 32_000).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, begin, Fraction(1, SAMPLE_RATE)
    return frame


def _utc(ns: int) -> datetime:
    """The time to burn in; a clock that is far off shows the end of the calendar rather than nothing."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    latest = datetime(9999, 12, 31, tzinfo=UTC) - epoch
    return epoch + min(max(timedelta(microseconds=ns // 1000), timedelta(0)), latest)
