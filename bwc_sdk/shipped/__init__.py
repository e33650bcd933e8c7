"""Files that come with the package for others than Python: the udev rule, the specification and its vectors.

In a wheel the specification lies inside `bwc_protocol`; in a checkout it is the folder that `bwc_protocol` stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bwc_sdk.errors import HostFileError

UDEV_RULE: Final = "70-bwc.rules"
SPECIFICATION: Final = "README.md"
VECTORS: Final = "vectors"


def udev_rule() -> str:
    """The rule that lets users open cameras and docking stations on Linux."""
    return _read(Path(__file__).parent / UDEV_RULE)


def specification() -> str:
    """The specification of the protocol, in Markdown."""
    return _read(_protocol() / SPECIFICATION)


def vectors() -> dict[str, str]:
    """The golden vectors, those of released versions included: JSON by the file's place in their folder."""
    folder = _protocol() / VECTORS
    return {path.relative_to(folder).as_posix(): _read(path) for path in sorted(folder.rglob("*.json"))}


def write_new(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Writes files into a folder, which it makes; one that is there with other contents stays, and is an error.

    Raises `HostFileError`.
    """
    written = []
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            if not path.is_file() or path.read_bytes() != text.encode():
                raise HostFileError(
                    f"{path} is there already, and is another one",
                    advice="name a new folder, or remove that file",
                ) from None
        except OSError as error:
            raise HostFileError(
                f"cannot write {path}: {error.strerror}", advice="name a folder that you may write to"
            ) from error
        written.append(path)
    return written


def _protocol() -> Path:
    import bwc_protocol

    package = Path(bwc_protocol.__file__).parent
    inside = package / "specification"
    return inside if inside.is_dir() else package.parent


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise HostFileError(
            f"the package lacks {path.name}: {error.strerror} at {path}", advice="install bwc-sdk again"
        ) from error
