"""From the common options to a connected camera or docking station, and back to an exit code."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypedDict, TypeVar

from bwc_protocol.declare import ANYONE, Role
from bwc_protocol.messages.identity import Capability
from bwc_protocol.word import label
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.running.failure import NoDeviceNamed
from bwc_sdk.cli.running.interruption import Interrupted
from bwc_sdk.cli.running.loading import uncollected
from bwc_sdk.cli.running.options import RoleName, Settings
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import AnyDevice, connect, connect_device, connect_station
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.connection.access import Connecting
from bwc_sdk.identity.host_identity import HostIdentity, IdentitySet
from bwc_sdk.identity.lookup import find_identity, identity_for, roles_held

C = TypeVar("C", bound=AnyDevice)


def role_of(name: RoleName) -> Role:
    """The protocol's role of that name."""
    return Role[name.name]


def role_for(settings: Settings, default: Role) -> Role:
    """The role that the common options name, else the verb's own."""
    return role_of(settings.role) if settings.role else default


def whichever_role(settings: Settings, preferred: Role) -> Role:
    """For what any role may do: the preferred one, or another where this host has no identity for it. Says which, and
    `--role` still has the last word."""
    if settings.role or settings.allow_insecure:
        return preferred
    found = find_identity(settings.identity, lab=settings.lab, ask=ask_on_terminal)
    if found is None:
        return preferred
    held = roles_held(found)
    if held is None or preferred in held:
        return preferred
    taken = next((role for role in ANYONE if role in held), None)
    if taken is None:
        return preferred  # refused, by the words of whoever opens it
    Output(settings.as_json).note(
        f"note: this host has no identity for the role {label(preferred)}; it speaks as {label(taken)}"
    )
    return taken


class IdentityChoice(TypedDict):
    """What `connect` takes to know by whom it speaks."""

    identity: HostIdentity | IdentitySet | None
    lab: bool
    allow_insecure: bool


def identity_of(settings: Settings, role: Role) -> IdentityChoice:
    """By whom the common options say that this host speaks in a role. A passphrase is asked for on a terminal, and
    before any device is: Ctrl-C then leaves nothing half done."""
    found = find_identity(
        settings.identity, lab=settings.lab, allow_insecure=settings.allow_insecure, ask=ask_on_terminal
    )
    if found is not None:
        with uncollected():  # what reads certificates is the largest that a short verb loads
            identity_for(found, role, time.time())
    return {"identity": found, "lab": False, "allow_insecure": settings.allow_insecure}


def ask_on_terminal(prompt: str) -> str | None:
    """Asks for a passphrase, unseen; None where nobody sits there."""
    if not sys.stdin.isatty():
        return None
    from getpass import getpass

    return getpass(prompt)


def require_device(settings: Settings) -> str:
    """The URI that was named. Raises `NoDeviceNamed`, also when exactly one device is plugged in."""
    uri = settings.device_uri()
    if uri:
        return uri
    from bwc_sdk.discovery.slots import slots

    found = ", ".join(slot.uri for slot in slots())
    advice = "give --device URI or set BWC_DEVICE; " + (
        f"plugged in: {found}" if found else "nothing is plugged in"
    )
    raise NoDeviceNamed("no device is named", advice=advice)


def connecting(settings: Settings, default: Role, *, expect: str | None = None) -> Connecting[Camera]:
    """The connection that the common options describe, not yet begun."""
    role = role_for(settings, default)
    return connect(
        require_device(settings),
        role=role,
        expect=expect,
        **identity_of(settings, role),
        capture=settings.capture,
    )


def connecting_station(settings: Settings, default: Role) -> Connecting[DockingStation]:
    """The same to a docking station."""
    role = role_for(settings, default)
    return connect_station(
        require_device(settings),
        role=role,
        **identity_of(settings, role),
        capture=settings.capture,
    )


def connecting_any(settings: Settings, default: Role) -> Connecting[AnyDevice]:
    """The same to whatever is there."""
    role = role_for(settings, default)
    return connect_device(
        require_device(settings),
        role=role,
        **identity_of(settings, role),
        capture=settings.capture,
    )


def run_on_camera(
    settings: Settings,
    default: Role,
    work: Callable[[Camera, Output], Awaitable[int | None]],
    *,
    interrupted: str,
    any_role: bool = False,
) -> int | None:
    """Connects, runs `work` and disconnects, also when it fails. Ctrl-C raises `Interrupted`. With `any_role`,
    `default` is only preferred."""
    return _run(settings, connecting(settings, _role(settings, default, any_role)), work, interrupted)


def run_on_station(
    settings: Settings,
    default: Role,
    work: Callable[[DockingStation, Output], Awaitable[int | None]],
    *,
    interrupted: str,
    any_role: bool = False,
) -> int | None:
    """The same on a docking station."""
    return _run(settings, connecting_station(settings, _role(settings, default, any_role)), work, interrupted)


def run_on_device(
    settings: Settings,
    default: Role,
    work: Callable[[AnyDevice, Output], Awaitable[int | None]],
    *,
    interrupted: str,
    any_role: bool = False,
) -> int | None:
    """The same on whatever is there: a camera, or a docking station itself."""
    return _run(settings, connecting_any(settings, _role(settings, default, any_role)), work, interrupted)


def _role(settings: Settings, preferred: Role, any_role: bool) -> Role:
    return whichever_role(settings, preferred) if any_role else preferred


def _run(
    settings: Settings,
    link: Connecting[C],
    work: Callable[[C, Output], Awaitable[int | None]],
    interrupted: str,
) -> int | None:
    async def whole() -> int | None:
        async with link as client:
            if settings.timeout_s is not None:
                client.connection.call_timeout_s = settings.timeout_s
            return await work(client, output_for(settings, client))

    try:
        return asyncio.run(whole())
    except KeyboardInterrupt as stop:
        raise Interrupted(interrupted) from stop


def output_for(settings: Settings, client: AnyDevice) -> Output:
    """Output that says of every result where it comes from, and what that is worth."""
    simulator = bool(client.peer.capabilities & Capability.SIMULATOR)
    secure = client.peer.secure
    output = Output(settings.as_json, verbose=settings.verbose)
    output.device = {
        "uri": settings.device_uri() or client.name,
        "identity": client.identity,
        "simulator": simulator,
        "secure": secure,
    }
    for notice in client.notices:
        output.note(f"remark: {notice}")
    if simulator or not secure:
        what = "a simulator" if simulator else "not a simulator"
        output.note(f"note: {client.identity} is {what}; this session is {'' if secure else 'not '}protected")
    return output
