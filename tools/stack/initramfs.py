"""The first files that the kernel sees: busybox, a handful of modules and a script that mounts the host's root.

An archive in the format that the kernel unpacks, `newc` (Documentation/driver-api/early-userspace in Linux).
"""

import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Final

MODULES: Final = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
"""What it takes to see files of the host: all else the guest loads from there."""
BUSYBOX: Final = Path("/bin/busybox")
SCRIPT: Final = Path(__file__).with_name("init.sh")

_MAGIC: Final = "070701"
_TRAILER: Final = "TRAILER!!!"
_DIRECTORY, _FILE = 0o040755, 0o100755


def archive(files: Mapping[str, bytes]) -> bytes:
    """A cpio archive of executable files, with the directories that they are in. Names have no leading slash."""
    entries: dict[str, tuple[int, bytes]] = {}
    for name, content in files.items():
        for parent in reversed(Path(name).parents[:-1]):
            entries.setdefault(str(parent), (_DIRECTORY, b""))
        entries[name] = _FILE, content
    parts = [
        _entry(number, name, mode, content)
        for number, (name, (mode, content)) in enumerate(entries.items(), start=1)
    ]
    return b"".join([*parts, _entry(0, _TRAILER, 0, b"")])


def _entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    links = 2 if mode == _DIRECTORY else 1
    path = name.encode() + b"\0"
    # ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    numbers = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(path), 0)
    header = (_MAGIC + "".join(f"{one:08x}" for one in numbers)).encode()
    return _padded(header + path) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def initramfs(modules: list[Path], *, busybox: Path = BUSYBOX, script: Path = SCRIPT) -> bytes:
    """The archive to boot with; the script loads the modules in their order."""
    files = {"init": script.read_bytes(), "bin/busybox": busybox.read_bytes()}
    for number, module in enumerate(modules):
        content = module.read_bytes()
        if module.suffix == ".xz":  # as from Debian 13 on; busybox need not know how
            content = lzma.decompress(content)
        files[f"modules/{number:02}-{module.name.removesuffix('.xz')}"] = content
    return archive(files)
