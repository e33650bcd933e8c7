"""A second USB device, that shares no code with the first: the kernel's own gadget, with both functions of a camera.

`dummy_hcd` is a device controller and the host that it is plugged into. What a host writes to its `ttyACM` comes out
of the gadget's `ttyGS`; the bulk interface is a program's (`functionfs`). The simulator is behind both.
"""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from tools.stack.inside import functionfs
from tools.stack.inside.program import PATIENCE_S, until

GADGETS: Final = Path("/sys/kernel/config/usb_gadget")
CONTROLLER: Final = "dummy_udc.0"
ENGLISH: Final = "0x409"
DESCRIPTORS: Final = {"idVendor": "0x1209", "idProduct": "0x0001", "bcdDevice": "0x0100"}
"""The simulator's own: a number for tests."""


class Gadget:
    """A serial port and, once it is served, a bulk interface; on the bus once it is bound."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._directory = GADGETS / name
        self._directory.mkdir()
        for key, value in DESCRIPTORS.items():
            (self._directory / key).write_text(value)
        strings = self._directory / "strings" / ENGLISH
        strings.mkdir()
        (strings / "product").write_text("Camera on a board")
        configuration = self._directory / "configs/c.1"
        configuration.mkdir()
        for function in ("acm.usb0", f"ffs.{name}"):
            path = self._directory / "functions" / function
            path.mkdir()
            (configuration / function).symlink_to(path)
        number = (self._directory / "functions/acm.usb0/port_num").read_text().strip()
        self.line = Path(f"/dev/ttyGS{number}")
        """The camera's end of its serial port."""
        until(lambda: self.line.exists() or None, f"{self.line}")
        functionfs.mount(name, self._files)

    @property
    def _files(self) -> Path:
        return Path(f"/dev/ffs-{self._name}")

    def serve(self, port: int) -> None:
        """Puts the simulator at a TCP port behind the bulk interface; it can be bound from then on."""
        forks = multiprocessing.get_context("forkserver")
        here, there = forks.Pipe(duplex=False)
        self._program = forks.Process(target=_serve, args=(there, self._files, port), daemon=True)
        self._program.start()
        assert here.poll(PATIENCE_S) and here.recv()

    def bind(self) -> None:
        """Plugs it in."""
        (self._directory / "UDC").write_text(CONTROLLER)

    def unbind(self) -> None:
        """Pulls it out."""
        (self._directory / "UDC").write_text("\n")

    def close(self) -> None:
        """For good: its bulk interface ends, and with it the device."""
        self._program.kill()
        self._program.join(PATIENCE_S)


def _serve(there: "Connection[bool, None]", files: Path, port: int) -> None:
    function = functionfs.BulkFunction(files, port)
    there.send(True)
    function.serve()
