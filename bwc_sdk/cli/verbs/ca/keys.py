"""`bwc ca init` and `rotate`: the roots, and the issuing CA below them."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from bwc_sdk.cli.arguments.ca.opening import clock_by, open_ca, root_file
from bwc_sdk.cli.arguments.ca.options import Dir, Root, Today
from bwc_sdk.cli.arguments.ca.passphrases import IssuingFile, Passphrases, RootFile, StandbyFile
from bwc_sdk.cli.arguments.ca.values import certificate_document, day
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb


@local_verb
def init(
    settings: Settings,
    output: Output,
    directory: Dir,
    agency: Annotated[str, typer.Option("--agency", metavar="NAME", help="Name of the agency.")] = "",
    root: Root = None,
    standby: Annotated[
        Path | None,
        typer.Option(
            "--standby",
            metavar="FILE",
            help="Key file of the standby root. Default: DIR/offline/standby.p12.",
        ),
    ] = None,
    rebuild: Annotated[
        Path | None,
        typer.Option(
            "--rebuild",
            metavar="BACKUP",
            help="Make the CA anew from this directory: agency.pem at least; register, deny list and the issuing CA's "
            "key if they are left, else --root.",
        ),
    ] = None,
    today: Today = None,
    passphrase_file: IssuingFile = None,
    root_passphrase_file: RootFile = None,
    standby_passphrase_file: StandbyFile = None,
) -> None:
    """Begin an agency: root, standby root and issuing CA, each under a passphrase of its own.

    Says what has to be kept, and where. Nothing that is there is written over.
    """
    from bwc_sdk.identity.ca import founding

    if bool(agency) == bool(rebuild):
        raise typer.BadParameter("--agency NAME begins an agency, --rebuild BACKUP goes on with one")
    given = Passphrases(passphrase_file, root_passphrase_file, standby_passphrase_file, new=rebuild is None)
    clock = clock_by(today)
    if rebuild is not None:
        issuing = founding.rebuild(
            directory,
            rebuild,
            passphrase=given,
            clock=clock,
            entropy=secrets.token_bytes,
            root_file=root,
            new_passphrase=given.new_issuing if root is not None else None,
        )
        output.show(
            {"directory": str(directory), "agency": issuing.agency, "issuing": certificate_document(issuing)},
            Facts("rebuilt", [fact("agency", issuing.agency), fact("issuing CA", issuing.name)]),
        )
        output.note(
            "put the newest deny-list.cose of any dock into it before you revoke anybody; then make a new backup"
        )
        return
    made = founding.found(
        directory,
        agency,
        passphrase=given,
        clock=clock,
        entropy=secrets.token_bytes,
        root_file=root,
        standby_file=standby,
    )
    keep = _to_be_kept(directory, made.root_file, made.standby_file)
    output.show(
        {
            "directory": str(directory),
            "agency": agency,
            "root": certificate_document(made.root) | {"file": str(made.root_file)},
            "standby": certificate_document(made.standby) | {"file": str(made.standby_file)},
            "issuing": certificate_document(made.issuing),
            "keep": [{"what": what, "where": where} for what, where in keep],
        },
        Facts(
            "agency",
            [
                fact("agency", agency),
                fact("root", made.root.key_id.hex()),
                fact("standby root", made.standby.key_id.hex()),
                fact("issuing CA ends", day(made.issuing.not_after_s)),
            ],
        ),
        Rows(title="what must be kept", headings=["what", "where"], plain=[list(row) for row in keep]),
    )


def _to_be_kept(directory: Path, root: Path, standby: Path) -> list[tuple[str, str]]:
    """What an agency loses if it loses it, and where it belongs."""
    return [
        (
            str(root),
            "off this host, in a safe: needed to revoke and to rotate; whoever has it owns every camera",
        ),
        (
            str(standby),
            "off this host, in another building: needed when the root is lost, and by nobody before",
        ),
        ("their passphrases", "on paper, each apart from its file: nobody can recover them"),
        (
            str(directory),
            "on this host, and a copy of it after every change: register, issuing CA's key, deny list",
        ),
        ("the issuing CA's passphrase", "with whoever issues; with the copy it makes a CA"),
    ]


@local_verb
def rotate(
    settings: Settings,
    output: Output,
    directory: Dir,
    root: Root = None,
    standby: Annotated[
        bool,
        typer.Option("--standby", help="Move to the standby root: DIR/offline/standby.p12, or --root FILE."),
    ] = False,
    today: Today = None,
    passphrase_file: IssuingFile = None,
    root_passphrase_file: RootFile = None,
    standby_passphrase_file: StandbyFile = None,
) -> None:
    """Make a new issuing CA from the root, or, when the root is lost, from the standby root.

    Everything issued stays good, since devices and hosts trust both roots; the old issuing key is removed.
    """
    from bwc_sdk.identity.ca import founding

    given = Passphrases(passphrase_file, root_passphrase_file, standby_passphrase_file)
    ca = open_ca(directory, given, today)
    made = founding.rotate(ca, root_file(directory, root, standby=standby), given.new_issuing)
    output.show(
        {"issuing": certificate_document(made)},
        Facts("issuing CA", [fact("name", made.name), fact("until", day(made.not_after_s))]),
    )
    output.note(f"make a new backup of {directory}; put the root's key back into its safe")
