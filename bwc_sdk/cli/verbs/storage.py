"""`bwc storage`."""

from typing import Final

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.messages.storage import StorageHealth
from bwc_sdk.cli.printing.facts import Fact, facts
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.verb import camera_verb, verbs
from bwc_sdk.clients.camera import Camera

HEALTH_REVISION: Final = 7
"""EXT_CSD_REV of eMMC 5.0, the first whose health registers mean anything."""
LIFE_EXCEEDED: Final = 11

app = verbs()


@app.command("storage")
@camera_verb(Role.TECHNICIAN, any_role=True)
async def storage(camera: Camera, output: Output) -> None:
    """How full the storage is, and how worn."""
    status = await camera.storage.status()
    health = await camera.storage.health()
    output.show(
        {"status": to_plain(status), "health": to_plain(health)},
        Facts("level", list(facts(status))),
        Facts("eMMC health", [_read(one, health) for one in facts(health)], section="health"),
    )


def _read(one: Fact, health: StorageHealth) -> Fact:
    """A register as people read it; the plain value stays what the chip reports."""
    if one.name not in ("pre_eol", "life_time_a", "life_time_b"):
        return one
    if health.ext_csd_rev < HEALTH_REVISION:
        return Fact(one.name, one.plain, one.label, "unknown (the chip is older than these registers)")
    if one.name == "pre_eol":
        return one
    return Fact(one.name, one.plain, one.label, life_time(int(one.plain)))


def life_time(register: int) -> str:
    """DEVICE_LIFE_TIME_EST in words (JEDEC JESD84-B51)."""
    if 1 <= register < LIFE_EXCEEDED:
        return f"{(register - 1) * 10} to {register * 10} % used"
    return "exceeded" if register == LIFE_EXCEEDED else f"unknown({register})"
