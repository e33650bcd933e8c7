"""A profile: how cameras are to be configured. A configuration file, as `bwc config show --toml` prints one.

The policy in force is two of its settings, `policy.id` and `policy.sha256`, and so stands in the manifest of each
recording.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bwc_sdk.clients.configuration import Value, read_file, to_toml
from bwc_sdk.clients.known_settings import require_spelt


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings by key, and by what they are known."""

    name: str
    settings: Mapping[str, Value]

    @property
    def sha256(self) -> str:
        """Of the settings as `to_toml` writes them: the same however the file was written."""
        return hashlib.sha256(to_toml(self.settings).encode()).hexdigest()


def read_profile(path: Path) -> Profile:
    """Reads a profile. Raises `HostFileError`, and `ConfigError` also for a setting that is misspelt; whether a camera
    has such settings it says itself."""
    settings = read_file(path)
    require_spelt(settings, path)
    return Profile(path.stem, settings)
