"""`bwc bridge` as a process of an exporter: it runs while a place is acquired, and ends with it at the latest."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ENDING_WITH: Final = Path(__file__).with_name("ending_with.py")
STARTED_S: Final = 30.0
"""Within this it says where it listens: Python and the SDK load in less than one, on a slow board in some."""
ENDED_S: Final = 5.0
"""Within this it lets its device go."""
LINE_MAX: Final = 300


class BridgeFailed(Exception):
    """Raised when no bridge runs: with what it said."""


class BridgeProcess:
    """A bridge to a device, listening at `host`."""

    def __init__(self, device: str, host: str) -> None:
        """Starts it and waits until it listens. Raises `BridgeFailed`."""
        where = f"tcp:[{host}]:0" if ":" in host else f"tcp:{host}:0"
        bridge = (sys.executable, "-m", "bwc_sdk", "bridge", "--device", device, "--listen", where)
        self._process = subprocess.Popen(
            [sys.executable, str(ENDING_WITH), *bridge],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None,  # its warnings stand in the exporter's log
        )
        try:
            self.port = _port_of(self._first_line())
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Ends it; the device is free afterwards. Idempotent."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(ENDED_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _first_line(self) -> str:
        assert self._process.stdout is not None
        out, said = self._process.stdout.fileno(), b""
        until = time.monotonic() + STARTED_S
        while b"\n" not in said and len(said) < LINE_MAX:
            ready, _, _ = select.select([out], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise BridgeFailed(f"bwc bridge did not listen within {STARTED_S:g} s")
            read = self._process.stdout.read1(LINE_MAX)  # type: ignore[attr-defined]  # it is buffered
            if not read:
                raise BridgeFailed(f"bwc bridge ended with {self._process.wait(ENDED_S)}: see above")
            said += read
        return said.partition(b"\n")[0].decode("utf-8", errors="replace").strip()


def _port_of(uri: str) -> int:
    """The port that it says it listens at."""
    scheme, _, rest = uri.partition(":")
    port = rest.rpartition(":")[2]
    if scheme != "tcp" or not (port.isascii() and port.isdecimal()):
        raise BridgeFailed(f"bwc bridge said {uri[:LINE_MAX]!r}, and not where it listens")
    return int(port)
