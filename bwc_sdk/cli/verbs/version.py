"""`bwc version`."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.version import __version__

PARTS: Final = (
    "construct",
    "crcmod",
    "google-crc32c",
    "cryptography",
    "cbor2",
    "pyserial",
    "typer",
    "rich",
    "pyusb",
    "bleak",
    "av",
)

app = verbs()


@app.command("version")
@local_verb
def versions(settings: Settings, output: Output) -> None:
    """Versions of the SDK, the protocol and its parts."""
    from bwc_protocol.session.preamble import NEWEST, OLDEST

    found = {"bwc-sdk": __version__, "protocol": f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"}
    found |= {"python": platform.python_version(), "system": platform.platform()}
    found |= {part: installed(part) or "not installed" for part in PARTS}
    output.show({"versions": found}, Rows("", ["part", "version"], list(found.items())))


def installed(distribution: str) -> str | None:
    """The version of a distribution that is installed, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
