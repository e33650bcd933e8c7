"""By which identity a document is signed, or judged before a device is asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bwc_protocol.declare import Role
from bwc_sdk.cli.running.on_camera import ask_on_terminal, role_for
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.errors import IdentityError, IdentityMissing, InvalidValue
from bwc_sdk.identity.lookup import find_identity, identity_for

if TYPE_CHECKING:
    from bwc_sdk.identity.host_identity import HostIdentity


def identity_to_sign(settings: Settings, role: Role, as_name: str | None) -> HostIdentity:
    """The identity of this host that holds the role that the common options name, else `role`.

    `as_name` is the name to sign under in a lab, where one person may play two. Raises `IdentityError`.
    """
    found = find_identity(
        settings.identity, lab=settings.lab, allow_insecure=settings.allow_insecure, ask=ask_on_terminal
    )
    if found is None:
        raise IdentityMissing(
            "this host has no identity, and nobody signs without one",
            advice="name one: --identity DIR, or --lab for simulators and lab devices",
        )
    identity = identity_for(found, role_for(settings, role), time.time())
    if as_name is None or as_name == identity.name:
        return identity
    if not identity.lab:
        raise IdentityError(
            f"an agency's identity signs under its own name, {identity.name!r}",
            advice="leave --as out; another person signs by a key of his or her own",
        )
    from bwc_sdk.identity.lab_identities import LabIdentities

    try:
        return LabIdentities(as_name).for_role(role_for(settings, role), time.time())
    except ValueError as error:
        raise InvalidValue(f"nobody can be called so: {error}") from error
