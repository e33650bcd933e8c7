"""From the common options to a connected camera, and back to an exit code."""

import asyncio
from collections.abc import Awaitable, Callable

from bwc_protocol.declare import Role
from bwc_protocol.messages.identity import Capability
from bwc_sdk.access import Connecting
from bwc_sdk.camera import Camera
from bwc_sdk.cli.failure import NoDeviceNamed
from bwc_sdk.cli.options import RoleName, Settings
from bwc_sdk.cli.output import Output
from bwc_sdk.cli.verb import Interrupted
from bwc_sdk.connecting import connect
from bwc_sdk.discover import slots


def role_of(name: RoleName) -> Role:
    """The protocol's role of that name."""
    return Role[name.name]


def require_device(settings: Settings) -> str:
    """The URI that was named. Raises `NoDeviceNamed`, also when exactly one device is plugged in."""
    uri = settings.device_uri()
    if uri:
        return uri
    found = ", ".join(slot.uri for slot in slots())
    advice = "give --device URI or set BWC_DEVICE; " + (
        f"plugged in: {found}" if found else "nothing is plugged in"
    )
    raise NoDeviceNamed("no device is named", advice=advice)


def connecting(settings: Settings, default: Role, *, expect: str | None = None) -> Connecting[Camera]:
    """The connection that the common options describe, not yet begun."""
    return connect(
        require_device(settings),
        role=role_of(settings.role) if settings.role else default,
        expect=expect,
        allow_insecure=settings.allow_insecure,
        capture=settings.capture,
    )


def run_on_camera(
    settings: Settings,
    default: Role,
    work: Callable[[Camera, Output], Awaitable[int | None]],
    *,
    interrupted: str,
) -> int | None:
    """Connects, runs `work` and disconnects, also when it fails. Ctrl-C raises `Interrupted`."""

    async def whole() -> int | None:
        async with connecting(settings, default) as camera:
            if settings.timeout_s is not None:
                camera.connection.call_timeout_s = settings.timeout_s
            return await work(camera, output_for(settings, camera))

    try:
        return asyncio.run(whole())
    except KeyboardInterrupt as stop:
        raise Interrupted(interrupted) from stop


def output_for(settings: Settings, camera: Camera) -> Output:
    """Output that says of every result where it comes from, and what that is worth."""
    simulator = bool(camera.peer.capabilities & Capability.SIMULATOR)
    secure = camera.peer.secure
    output = Output(settings.as_json)
    output.device = {
        "uri": settings.device_uri() or camera.name,
        "identity": camera.identity,
        "simulator": simulator,
        "secure": secure,
    }
    if simulator or not secure:
        what = "a simulator" if simulator else "not a simulator"
        output.note(f"note: {camera.identity} is {what}; this session is {'' if secure else 'not '}protected")
    return output
