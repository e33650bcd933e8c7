"""The technician by whom cameras are given out and taken back, and records of it are signed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.running.on_camera import ask_on_terminal, whichever_role
from bwc_sdk.cli.running.options import RoleName, Settings
from bwc_sdk.errors import IdentityMissing
from bwc_sdk.identity.lookup import find_identity, identity_for

if TYPE_CHECKING:
    from bwc_sdk.identity.host_identity import HostIdentity


def technician_of(settings: Settings) -> HostIdentity:
    """Who signs. Raises `BadParameter`, `IdentityError`."""
    if settings.role not in (None, RoleName.TECHNICIAN):
        raise typer.BadParameter("a technician does and signs this: leave --role out")
    with no_other_role():
        return identity_to_sign(settings, Role.TECHNICIAN, None)


@contextmanager
def no_other_role() -> Iterator[None]:
    """Where the one role will do and no other, none is advised."""
    try:
        yield
    except IdentityMissing as error:
        error.advice = error.advice.partition("; or speak in a role")[0]
        raise


def whoever_believes(settings: Settings) -> HostIdentity:
    """An identity of this host of whatever role: for whoever only looks whether a signature counts."""
    role = whichever_role(settings, Role.TECHNICIAN)
    found = find_identity(settings.identity, lab=settings.lab, ask=ask_on_terminal)
    if found is None:
        return identity_to_sign(settings, role, None)
    return identity_for(found, role, time.time())
