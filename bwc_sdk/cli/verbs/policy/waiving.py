"""`bwc policy waive`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.arguments.policy.options import Against, On, PackName, Packs, date_of, day_of
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb
from bwc_sdk.cli.verbs.policy.comparing import compared


@local_verb
def waive(
    settings: Settings,
    output: Output,
    pack: PackName,
    against: Against,
    rule: Annotated[str, typer.Option("--rule", metavar="ID", help="The rule that is let be.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in every report.")],
    until: Annotated[str, typer.Option("--until", metavar="YYYY-MM-DD", help="The last day.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", readable=False, help="File to write the waiver to.")
    ],
    on: On = None,
    packs: Packs = None,
) -> None:
    """Sign that one rule of one policy may be weaker than another, or incomparable, for a reason and until a day.

    An auditor of the department signs (role 'auditor', or the identity that --identity names). It is for exactly the
    two values of today: when either changes, it waives nothing any more.
    """
    last, day = date_of(until, "--until"), day_of(on)
    if last < day:
        raise typer.BadParameter(f"--until {last} is before {day}")
    found = compared(settings, pack, against, day, packs)
    from bwc_protocol.declare import Role
    from bwc_sdk.identity.document_files import require_new, write_document
    from bwc_sdk.policy.waivers import sign_waiver, value_sha256

    row = next((one for one in found.rows if one.rule == rule), None)
    if row is None or not row.short:
        short = ", ".join(one.rule for one in found.rows if one.short) or "none"
        raise typer.BadParameter(f"{rule!r} needs no waiver: what is weaker or incomparable is {short}")
    require_new(out)
    identity = identity_to_sign(settings, Role.AUDITOR, None)
    ours, theirs = (None if one is None else one.demand for one in (row.ours, row.theirs))
    document = sign_waiver(
        identity,
        agency=found.ours.pack.id,
        department=found.theirs.pack.id,
        rule=rule,
        values=value_sha256(ours, theirs),
        reason=reason,
        until=last,
        utc_s=int(time.time()),
    )
    write_document(out, document)
    told = {
        "rule": rule,
        "agency": found.ours.pack.id,
        "department": found.theirs.pack.id,
        "until": last.isoformat(),
        "reason": reason,
        "by": identity.name,
        "file": str(out),
    }
    output.show({"waiver": told}, Facts("waiver", [fact(*one) for one in told.items()]))
