"""`bwc evidence checkpoint STORE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Output, rows_of
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb


@local_verb
def checkpoint(
    settings: Settings,
    output: Output,
    store: Annotated[
        Path, typer.Argument(readable=False, metavar="STORE", help="Directory that offloads stored into.")
    ],
    tsa: Annotated[
        str, typer.Option("--tsa", metavar="URL", help="Time-stamping authority (RFC 3161) that is asked.")
    ] = "",
    tsa_root: Annotated[
        list[Path] | None,
        typer.Option("--tsa-root", metavar="FILE", help="Root certificates of that authority (PEM or DER)."),
    ] = None,
) -> int:
    """Sign how far the custody chains of a store have come, and have an authority stamp it.

    A chain shows what was changed in its midst; a checkpoint shows, later, what was cut off at its end. Keep copies of
    both elsewhere. The authority sees a hash alone. Where it cannot be reached the checkpoint is signed all the same,
    and stamped by the next run that reaches it: exits with 3 then. Signs under the role 'destination', or the one that
    --role names.
    """
    from bwc_sdk.evidence.checkpoints import keep_checkpoints
    from bwc_sdk.identity.ca.agency_file import read_certificates

    if bool(tsa) != bool(tsa_root):
        raise typer.BadParameter("--tsa and --tsa-root come together")
    roots = [der for path in tsa_root or () for der in read_certificates(path)]
    identity = identity_to_sign(settings, Role.DESTINATION, None)
    kept = list(keep_checkpoints(store, identity, authority=tsa, authority_roots=roots))
    output.show(
        {
            "checkpoints": [
                {
                    "name": one.name,
                    "chain": one.checkpoint.chain,
                    "number": one.checkpoint.number,
                    "records": one.checkpoint.records,
                    "signed_utc_s": one.checkpoint.signed_utc_s,
                    "fresh": one.fresh,
                    "stamped": one.stamped,
                }
                for one in kept
            ]
        },
        rows_of(
            "",
            (
                [
                    fact("name", one.name),
                    fact("records", one.checkpoint.records),
                    fact("fresh", one.fresh),
                    fact("stamped", one.stamped),
                ]
                for one in kept
            ),
            empty="no custody chain has any record",
        ),
    )
    queued = next((one.queued for one in kept if one.queued), "")
    if queued:
        output.note(f"not stamped yet: {queued}; run the same command again later")
    return ExitCode.UNREACHABLE if queued else ExitCode.SUCCESS
