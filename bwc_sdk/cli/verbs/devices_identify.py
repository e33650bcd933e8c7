"""Asking every port who is there, all at once."""

import asyncio
import dataclasses
from collections.abc import Sequence

from bwc_protocol.declare import Role
from bwc_sdk.cli.running.on_camera import connecting_any, whichever_role
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.errors import BwcError


def identify_all(settings: Settings, uris: Sequence[str]) -> dict[str, str]:
    """For each URI the identity of the device, or in one line why there is none."""

    role = whichever_role(settings, Role.TECHNICIAN)

    async def whole() -> list[str]:
        return await asyncio.gather(*(_identity(settings, role, uri) for uri in uris))

    return dict(zip(uris, asyncio.run(whole()), strict=True))


async def _identity(settings: Settings, role: Role, uri: str) -> str:
    try:
        one = dataclasses.replace(settings, device=uri)
        async with connecting_any(one, role) as device:
            return device.identity
    except BwcError as error:
        return f"({error.rule})"
