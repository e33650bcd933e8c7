"""The guest as a Debian machine: its file systems, its kernel's modules, udev with the project's rule, D-Bus."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[3]
RULE: Final = PROJECT / "bwc_sdk/shipped/70-bwc.rules"
MODULES: Final = (
    "vhci_hcd",
    "cdc_acm",
    "hci_vhci",
    "configfs",
    "dummy_hcd",
    "libcomposite",
    "usb_f_acm",
    "usb_f_fs",
)
COMMAND_S: Final = 60.0
"""No command here takes a second on a real machine; this one is emulated."""

_MOUNTS: Final = (
    ("devtmpfs", "/dev"),
    ("devpts", "/dev/pts"),
    ("tmpfs", "/dev/shm"),
    ("sysfs", "/sys"),
    ("tmpfs", "/run"),
)


def command(*words: str) -> str:
    """Runs a program of Debian's; what it printed. Raises `CalledProcessError`."""
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=COMMAND_S)
    return done.stdout


def bring_up(modules: Path) -> None:
    """As an init system does. `modules` are the kernel's, wherever the host keeps them."""
    for kind, where in _MOUNTS:
        Path(where).mkdir(exist_ok=True)
        command("/bin/busybox", "mount", "-t", kind, kind, where)
    command("/bin/busybox", "ip", "link", "set", "lo", "up")
    installed = Path("/lib/modules", modules.name)
    if not installed.exists():
        installed.parent.mkdir(exist_ok=True)
        installed.symlink_to(modules)
    command("modprobe", "-a", *MODULES)
    # After the modules, which bring dozens of hubs and ports that no rule is about; with the project's rule in force.
    shutil.copy(RULE, "/etc/udev/rules.d/")
    command("/lib/systemd/systemd-udevd", "--daemon")
    command("/bin/busybox", "mount", "-t", "configfs", "configfs", "/sys/kernel/config")
    Path("/run/dbus").mkdir()
    command("dbus-daemon", "--system", "--fork")
