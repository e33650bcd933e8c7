"""What the machine must have: programs of Debian's, and the one line that installs them.

`python -m tools.stack.packages` prints those that are missing, one a line.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

PROGRAMS: Final = {
    "qemu-system-x86": "/usr/bin/qemu-system-x86_64",
    "busybox-static": "/bin/busybox",
    "kmod": "/sbin/modprobe",
    "udev": "/usr/bin/udevadm",
    "usbip": "/usr/sbin/usbip",
    "dbus": "/usr/bin/dbus-daemon",
    "bluez": "/usr/libexec/bluetooth/bluetoothd",
    "libusb-1.0-0": "/usr/lib/x86_64-linux-gnu/libusb-1.0.so.0",
}
"""Package, and a file of it. All but the first are run by the guest, which sees the files of this machine."""
INSTALL: Final = "apt-get install --no-install-recommends " + " ".join(PROGRAMS)
"""CONTRIBUTING and the page beside this file name it as well."""
APT: Final = ("apt-get", "apt-cache", "dpkg-deb")
"""What fetches the kernel; only Debian and its kin have it."""


def missing(exists: Callable[[str], bool] = lambda path: Path(path).exists()) -> list[str]:
    """The packages that are not installed."""
    return [package for package, path in PROGRAMS.items() if not exists(path)]


def debian() -> bool:
    """Whether this machine can fetch Debian's kernel."""
    return all(shutil.which(program) for program in APT)


if __name__ == "__main__":
    print("\n".join(missing()))
