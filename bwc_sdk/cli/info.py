"""`bwc info`."""

from bwc_protocol.declare import Role, to_plain
from bwc_sdk.camera import Camera
from bwc_sdk.cli.facts import fact, facts
from bwc_sdk.cli.output import Facts, Output
from bwc_sdk.cli.verb import camera_verb, verbs

app = verbs()


@app.command("info")
@camera_verb(Role.TECHNICIAN)
async def info(camera: Camera, output: Output) -> None:
    """Who and what the device is, and what it is doing."""
    identity = await camera.device.identify()
    status = await camera.device.status()
    capabilities = await camera.device.capabilities()
    major, minor = camera.peer.version
    output.show(
        {
            "identity": to_plain(identity),
            "status": to_plain(status),
            "capabilities": to_plain(capabilities),
            "protocol": f"{major}.{minor}",
        },
        Facts("identity", [*facts(identity), fact("protocol", f"{major}.{minor}")]),
        Facts("status", list(facts(status, but=("boot_counter",))), section="status"),
        Facts("capabilities", list(facts(capabilities)), section="capabilities"),
    )
