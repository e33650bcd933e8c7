"""Debian's kernel, unmodified: fetched by apt (which checks its signature), unpacked and kept, never installed.

To install it would build an initramfs and touch the boot loader. `vmlinux` is taken out of `vmlinuz` once: to
decompress it in an emulated machine would take ten seconds at each boot.
"""

import lzma
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

META_PACKAGE: Final = "linux-image-amd64"
"""Always depends on the image that Debian keeps current."""
IMAGE: Final = re.compile(r"\blinux-image-(\d[\w.+-]*-amd64)\b")
XZ: Final = b"\xfd7zXZ\x00"
ELF: Final = b"\x7fELF"
FETCH_S: Final = 300
"""71 MB from a mirror that is far away."""
UNPACK_S: Final = 120


class KernelMissing(Exception):
    """No kernel can be had; says what was tried."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One that is ready to boot."""

    version: str
    directory: Path

    @property
    def vmlinux(self) -> Path:
        return self.directory / "vmlinux"

    @property
    def modules(self) -> Path:
        """What the guest has as /lib/modules/VERSION."""
        return self.directory / "lib/modules" / self.version

    def modules_for(self, names: Iterable[str]) -> list[Path]:
        """The files to load for these modules, in their order."""
        files: dict[Path, None] = {}
        for name in names:
            command = ["modprobe", "-d", str(self.directory), "-S", self.version, "--show-depends", name]
            shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=UNPACK_S)
            # A line is "insmod FILE" or, for what the kernel has built in, "builtin NAME".
            lines = (line.split(maxsplit=1) for line in shown.stdout.splitlines())
            files |= {Path(what.strip()): None for how, what in lines if how == "insmod"}
        return list(files)


def cache_directory() -> Path:
    """Kept from run to run; `BWC_STACK_CACHE` puts it elsewhere."""
    chosen = os.environ.get("BWC_STACK_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache/bwc_sdk/kernels"


def ready(cache: Path) -> Kernel:
    """The newest kernel that Debian offers this machine, or the newest that is kept. Raises `KernelMissing`."""
    version = offered()
    if version is None:
        kept = sorted((path.parent.name for path in cache.glob("*/vmlinux")), key=_age)
        if not kept:
            raise KernelMissing(f"apt knows no {META_PACKAGE} (apt-get update?), and none is kept in {cache}")
        version = kept[-1]
    kernel = Kernel(version, cache / version)
    if not kernel.vmlinux.exists():
        print(f"fetching Debian's kernel {version} (once)", flush=True)
        try:
            _fetch(kernel)
        except (subprocess.SubprocessError, OSError) as error:
            raise KernelMissing(f"linux-image-{version} cannot be fetched and unpacked: {error}") from error
    return kernel


def _age(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def offered() -> str | None:
    """The version that apt would install."""
    shown = subprocess.run(
        ["apt-cache", "depends", META_PACKAGE], check=False, capture_output=True, text=True, timeout=UNPACK_S
    )
    found = IMAGE.search(shown.stdout)
    return found[1] if found else None


def _fetch(kernel: Kernel) -> None:
    kernel.directory.parent.mkdir(parents=True, exist_ok=True)
    # Beside its final place, and renamed when all of it is there: an interrupted run leaves no half of a kernel.
    with tempfile.TemporaryDirectory(dir=kernel.directory.parent, prefix=".fetching-") as name:
        making = Path(name)
        package = f"linux-image-{kernel.version}"
        download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package]
        subprocess.run(download, cwd=making, check=True, timeout=FETCH_S)
        (deb,) = making.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", str(deb), str(making)], check=True, timeout=UNPACK_S)
        deb.unlink()
        subprocess.run(["depmod", "-b", str(making), kernel.version], check=True, timeout=UNPACK_S)
        image = (making / f"boot/vmlinuz-{kernel.version}").read_bytes()
        shutil.rmtree(making / "boot")
        (making / "vmlinux").write_bytes(extracted(image))
        # One is kept: each takes as much room as all the rest of the project.
        for old in kernel.directory.parent.glob("[!.]*"):
            shutil.rmtree(old)
        making.rename(kernel.directory)
        making.mkdir()  # for the context manager to remove


def extracted(vmlinuz: bytes) -> bytes:
    """The kernel inside a compressed image; the image itself, which boots more slowly, when it is no xz."""
    at = vmlinuz.find(XZ)
    while at >= 0:
        try:
            vmlinux = lzma.LZMADecompressor().decompress(vmlinuz[at:])  # what follows it is left alone
        except lzma.LZMAError:
            vmlinux = b""  # these six bytes were code
        if vmlinux.startswith(ELF):
            return vmlinux
        at = vmlinuz.find(XZ, at + 1)
    return vmlinuz
