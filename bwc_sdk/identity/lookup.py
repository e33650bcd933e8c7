"""Which identities this host speaks by: what is given, what is configured, or the lab (spec: Identities)."""

from __future__ import annotations

import getpass
import os
import socket
from functools import cache
from pathlib import Path
from typing import Final

from bwc_protocol.declare import Role
from bwc_sdk.errors import IdentityError, IdentityMissing
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.identity.passphrase import Ask

IDENTITY_ENV: Final = "BWC_IDENTITY"
"""Environment variable: the identity directory of this host, where no other is named."""
NAME_MAX: Final = 64
"""Bytes of a host's name in session, certificate and log (spec: session.info)."""
Identities = HostIdentity | IdentitySet
"""One identity, or a set of one a role."""


def own_identity() -> str:
    """How this host calls itself without a certificate: `user@host`, as far as the field goes."""
    try:
        user = getpass.getuser()
    except (KeyError, ImportError, OSError):
        user = "unknown"  # no variable names the user, and no list of users either: a container, a service
    name = "".join(sign if sign.isprintable() else "?" for sign in f"{user}@{socket.gethostname()}")
    return name.encode("utf-8", "replace")[:NAME_MAX].decode("utf-8", "ignore")


def configured_directory() -> Path | None:
    """The identity directory that the environment or the user's configuration has; None where neither has one."""
    if named := os.environ.get(IDENTITY_ENV):
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        config = Path(base) if base.startswith("/") else Path.home() / ".config"
    except RuntimeError:
        return None  # a user without a home: a service, or one in a container
    directory = config / "bwc" / "identity"
    try:
        directory.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        pass  # it may be there: whoever opens it says what is in the way
    return directory


def find_identity(
    given: HostIdentity | IdentitySet | Path | None = None,
    *,
    lab: bool = False,
    allow_insecure: bool = False,
    ask: Ask | None = None,
) -> Identities | None:
    """The identities to connect by: what is given, else the configured directory, else the lab; None for the insecure
    session.

    A configured identity never falls back to the lab, nor anything to the insecure session. `ask` asks a person for
    the passphrase of a key file. Raises `IdentityError` for words that contradict each other.
    """
    wanted = [
        word
        for word, said in (("identity", given is not None), ("lab", lab), ("allow-insecure", allow_insecure))
        if said
    ]
    if len(wanted) > 1:
        rule = f"{' and '.join(wanted)} exclude each other"
        raise IdentityError(rule, advice="give one of them, or none for what is configured")
    if allow_insecure:
        return None
    if lab:
        return _lab(own_identity())
    if isinstance(given, Path | str):
        return _directory(Path(given), ask)
    if given is not None:
        return given
    configured = configured_directory()
    if configured is not None:
        return _directory(configured, ask)
    return _lab(own_identity())


def identity_for(identities: Identities, role: Role, utc_s: float) -> HostIdentity:
    """Of some identities the one that holds `role`, at a time in seconds since 1970. Raises `IdentityError`."""
    if not isinstance(identities, HostIdentity):
        return identities.for_role(role, utc_s)
    if role not in identities.roles:
        rule = f"{identities.name!r} holds {identities.roles}, not {role}"
        raise IdentityMissing(
            rule, advice="ask for a role that it holds, or use an identity that holds this one"
        )
    return identities


def roles_held(identities: Identities) -> Role | None:
    """The roles for which there are identities, as far as that can be seen without opening one; None where it cannot.
    Raises `IdentityMissing`, `HostFileError`."""
    if isinstance(identities, HostIdentity):
        return identities.roles
    from bwc_sdk.identity.identity_directory import IdentityDirectory

    if isinstance(identities, IdentityDirectory):
        return Role(sum(identities.roles()))
    return None


@cache
def _directory(path: Path, ask: Ask | None) -> IdentitySet:
    """One for all connections of this process: each key file is opened once."""
    from bwc_sdk.identity.identity_directory import IdentityDirectory

    return IdentityDirectory(path, ask)


@cache
def _lab(name: str) -> IdentitySet:
    from bwc_sdk.identity.lab_identities import LabIdentities

    return LabIdentities(name)
