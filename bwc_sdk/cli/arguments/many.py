"""Several cameras at once: the bays of `--station`, or `--also` beside `--device`."""

from typing import Annotated

import typer

from bwc_sdk.cli.running.completion import devices
from bwc_sdk.cli.running.on_camera import require_device
from bwc_sdk.cli.running.options import Settings

Station = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="Every camera in the bays of this station, all at once.",
        autocompletion=devices,
    ),
]
Also = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URI",
        help="Another camera beside --device, at the same time; repeatable.",
        autocompletion=devices,
    ),
]


def require_station_alone(settings: Settings, station: str | None, also: list[str] | None) -> None:
    """Raises `BadParameter` where a station is named and cameras beside it."""
    if station is not None and (also or settings.device is not None):
        raise typer.BadParameter("--station is by itself: without --device and --also")


def named_devices(settings: Settings, also: list[str] | None) -> list[str]:
    """The URIs of the cameras that were named one by one. Raises `NoDeviceNamed`."""
    return [require_device(settings), *(also or ())]
