"""`bwc info`."""

from typing import Any

from bwc_protocol.declare import Role, to_plain
from bwc_sdk.cli.printing.facts import counter_facts, fact, facts
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.verb import device_verb, verbs
from bwc_sdk.clients.connecting import AnyDevice
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.connection.remarks import remarks_on
from bwc_sdk.connection.validity import days_left

app = verbs()


@app.command("info")
@device_verb(Role.TECHNICIAN, any_role=True)
async def info(device: AnyDevice, output: Output) -> None:
    """Who and what the device is, and what it is doing.

    Also by which identity this host speaks to it, and how long both certificates are good. Of a docking station: the
    station itself; ?bay=3 behind its URI is the camera in bay 3. With -v also what this connection counted: frames,
    repeats, what was thrown away and why. A remark is said of a device that breaks a rule of the protocol without harm.
    """
    identity = await device.device.identify()
    status = await device.device.status()
    capabilities = await device.device.capabilities()
    station = await device.bays.status() if isinstance(device, DockingStation) else None
    major, minor = device.peer.version
    session = session_facts(device)
    await device.close()  # so that its end counts, too
    noted = remarks_on(device.counters)
    counted = device.counters if output.verbose else None
    output.show(
        {
            "identity": to_plain(identity),
            "status": to_plain(status),
            "capabilities": to_plain(capabilities),
            "protocol": f"{major}.{minor}",
            "session": session,
            "remarks": [{"rule": one.rule, "count": one.count} for one in noted],
            **({"station": to_plain(station)} if station is not None else {}),
            **({"counters": counted.plain()} if counted is not None else {}),
        },
        Facts("identity", [*facts(identity), fact("protocol", f"{major}.{minor}")]),
        Facts("status", list(facts(status, but=_untold(status.seized_for))), section="status"),
        *([Facts("station", list(facts(station)), section="station")] if station is not None else []),
        Facts("capabilities", list(facts(capabilities)), section="capabilities"),
        Facts(
            "session", [fact(*one) for one in session.items() if one[1] not in (None, "")], section="session"
        ),
        *(
            [Facts("counters", list(counter_facts(counted)), section="counters")]
            if counted is not None
            else []
        ),
    )
    for one in noted:
        output.note(f"remark: {one}")


def _untold(seized_for: str) -> tuple[str, ...]:
    """Fields of the status that people need not see: that it is not seized, too."""
    return ("boot_counter",) if seized_for else ("boot_counter", "seized_for")


def session_facts(device: AnyDevice) -> dict[str, Any]:
    """What protects the session, who speaks in it and by what, and how long both certificates are good."""
    identity, certificate = device.connection.identity, device.peer.certificate
    if identity is None or certificate is None:
        return {"protection": "none", "host": device.host_name}
    utc_s = device.world.utc_ns() / 1_000_000_000
    return {
        "protection": "TLS 1.3",
        "host": device.host_name,
        "identity": identity.source,
        "agency": identity.agency,
        "lab": identity.lab,
        "days_left": days_left(identity.certificate, utc_s),
        "device_certificate": device.peer.standing.value,
        "device_days_left": days_left(certificate, utc_s),
    }
