"""`bwc ca list`: what was issued, and what ends next."""

from typing import Annotated, Any, Final

import typer

from bwc_sdk.cli.arguments.ca.options import Dir
from bwc_sdk.cli.arguments.ca.values import certificate_document, day
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb

WARN_DAYS: Final = 30
"""What ends sooner is told by `list` with exit code 1, for a watch."""


@local_verb
def show(
    settings: Settings,
    output: Output,
    directory: Dir,
    within: Annotated[
        int | None,
        typer.Option("--within", metavar="DAYS", min=0, help="Only what ends within so many days."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also certificates whose holder has a newer one.")
    ] = False,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code", help=f"Exit with 1 when something ends within {WARN_DAYS} days: for a watch."
        ),
    ] = False,
) -> int:
    """Who holds a certificate, what ends next first; needs no passphrase."""
    from bwc_sdk.host.world import World
    from bwc_sdk.identity.ca.denying import unpublished
    from bwc_sdk.identity.ca.layout import OFFLINE, ROOT_FILE, STANDBY_FILE
    from bwc_sdk.identity.ca.register import Register
    from bwc_sdk.identity.ca.standing import holders

    register = Register.read(directory)
    now_s = World().utc_ns() // 1_000_000_000
    found = holders(register, superseded=everything)
    if within is not None:
        found = [one for one in found if one.days_left(now_s) <= within]
    listed = register.listed
    document = [
        certificate_document(one.facts)
        | {"what": one.what, "days_left": one.days_left(now_s), "denied": one.denied or None}
        for one in found
    ]
    output.show(
        {
            "agency": register.begun.agency,
            "certificates": document,
            "deny_list": listed.counter if listed else 0,
            "register": {"entries": len(register.lines), "sha256": register.head},
        },
        Rows(
            title=register.begun.agency,
            headings=["name", "what", "until", "days left", "state", "key", "serial"],
            plain=[_row(one, now_s) for one in found],
            shown=[_shown(one, now_s) for one in found],
        ),
    )
    for name in (ROOT_FILE, STANDBY_FILE):
        if (directory / OFFLINE / name).exists():
            output.note(f"{directory / OFFLINE / name} still lies on this host: it belongs into a safe")
    if unpublished(directory, register):
        output.note("somebody was denied, and the list was never written: 'bwc ca revoke DIR' signs it anew")
    near = any(not one.denied and one.days_left(now_s) < WARN_DAYS for one in found)
    return ExitCode.UNEXPECTED if exit_code and near else ExitCode.SUCCESS


def _row(one: Any, now_s: int) -> list[Any]:
    days = one.days_left(now_s)
    facts = one.facts
    state = _state(one.denied, days)
    key, serial = facts.key_sha256.hex(), f"{facts.serial:x}"
    return [facts.name, one.what, day(facts.not_after_s), days, state, key, serial]


def _shown(one: Any, now_s: int) -> list[str]:
    *row, key, serial = map(str, _row(one, now_s))
    return [*row, f"{key[:12]}…", f"{serial[:12]}…"]


def _state(denied: str, days: int) -> str:
    if denied:
        return "denied"
    return "ended" if days < 0 else "ends soon" if days < WARN_DAYS else "good"
