"""`bwc battery`."""

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.messages.battery import BatteryStatus
from bwc_sdk.cli.printing.facts import fact, facts
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.verb import camera_verb, verbs
from bwc_sdk.clients.camera import Camera

app = verbs()


@app.command("battery")
@camera_verb(Role.TECHNICIAN, any_role=True)
async def battery(camera: Camera, output: Output) -> None:
    """Level, load and health of the battery.

    One block for each cell.
    """
    count = (await camera.device.capabilities()).battery_cells
    cells = [await camera.battery.status(cell=cell) for cell in range(count)]
    output.show(
        {"battery": [{"cell": number, **to_plain(cell)} for number, cell in enumerate(cells)]},
        *(_cell(number, cell) for number, cell in enumerate(cells)),
    )


def _cell(number: int, status: BatteryStatus) -> Facts:
    section = f"cell.{number}" if number else ""  # most devices have one cell: its keys stand alone
    return Facts(f"cell {number}", [fact("cell", number), *facts(status)], section=section)
