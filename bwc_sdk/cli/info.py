"""`bwc info`."""

from bwc_protocol.declare import Role, to_plain
from bwc_sdk.cli.facts import counter_facts, fact, facts
from bwc_sdk.cli.output import Facts, Output
from bwc_sdk.cli.verb import device_verb, verbs
from bwc_sdk.clients.connecting import AnyDevice
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.connection.remarks import remarks_on

app = verbs()


@app.command("info")
@device_verb(Role.TECHNICIAN)
async def info(device: AnyDevice, output: Output) -> None:
    """Who and what the device is, and what it is doing.

    Of a docking station: the station itself; ?bay=3 behind its URI is the camera in bay 3. With -v also what this
    connection counted: frames, repeats, what was thrown away and why. A remark is said of a device that breaks a
    rule of the protocol without harm.
    """
    identity = await device.device.identify()
    status = await device.device.status()
    capabilities = await device.device.capabilities()
    station = await device.bays.status() if isinstance(device, DockingStation) else None
    major, minor = device.peer.version
    await device.close()  # so that its end counts, too
    noted = remarks_on(device.counters)
    counted = device.counters if output.verbose else None
    output.show(
        {
            "identity": to_plain(identity),
            "status": to_plain(status),
            "capabilities": to_plain(capabilities),
            "protocol": f"{major}.{minor}",
            "remarks": [{"rule": one.rule, "count": one.count} for one in noted],
            **({"station": to_plain(station)} if station is not None else {}),
            **({"counters": counted.plain()} if counted is not None else {}),
        },
        Facts("identity", [*facts(identity), fact("protocol", f"{major}.{minor}")]),
        Facts("status", list(facts(status, but=("boot_counter",))), section="status"),
        *([Facts("station", list(facts(station)), section="station")] if station is not None else []),
        Facts("capabilities", list(facts(capabilities)), section="capabilities"),
        *(
            [Facts("counters", list(counter_facts(counted)), section="counters")]
            if counted is not None
            else []
        ),
    )
    for one in noted:
        output.note(f"remark: {one}")
