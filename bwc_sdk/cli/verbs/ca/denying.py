"""`bwc ca revoke`: the next deny list."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bwc_sdk.cli.arguments.ca.opening import open_ca, root_file
from bwc_sdk.cli.arguments.ca.options import DeniedKindName, Dir, Root, Today
from bwc_sdk.cli.arguments.ca.passphrases import Passphrases, RootFile, StandbyFile
from bwc_sdk.cli.arguments.ca.values import date_of, hex_of
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb


@local_verb
def revoke(
    settings: Settings,
    output: Output,
    directory: Dir,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Whoever has this name, now and in future certificates."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="SHA256", help="Whoever has this key, as 'bwc ca list' shows it."),
    ] = None,
    serial: Annotated[
        str | None,
        typer.Option("--serial", metavar="HEX", help="The key of the certificate with this serial number."),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(
            "--issuer",
            metavar="KEY-ID",
            help="Everybody whom this issuing CA has certified (an earlier one).",
        ),
    ] = None,
    kind: Annotated[
        DeniedKindName | None, typer.Option("--kind", help="With NAME: only one of this kind.")
    ] = None,
    last_sequence: Annotated[
        int,
        typer.Option(
            "--last-sequence", min=0, metavar="NUMBER", help="Of a camera: its last good recording."
        ),
    ] = 0,
    last_manifest: Annotated[
        str,
        typer.Option(
            "--last-manifest", metavar="SHA256", help="With --last-sequence: that recording's manifest."
        ),
    ] = "",
    floor: Annotated[
        str | None,
        typer.Option(
            "--floor", metavar="YYYY-MM-DD", help="Devices refuse certificates that ended before this day."
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the register.")] = "",
    root: Root = None,
    today: Today = None,
    root_passphrase_file: RootFile = None,
    standby_passphrase_file: StandbyFile = None,
) -> None:
    """Deny somebody, and sign the next deny list by the root.

    The list is complete, and counted: put it into the identity directory of any dock, and it spreads by whoever meets
    whom. Without anybody the same list is signed anew.
    """
    from bwc_sdk.identity.ca.denying import publish
    from bwc_sdk.identity.ca.register import Denied

    named = [one for one in (name, key, serial, issuer) if one]
    if len(named) > 1:
        raise typer.BadParameter("name one: NAME, --key, --serial or --issuer")
    given = Passphrases(root=root_passphrase_file, standby=standby_passphrase_file)
    ca = open_ca(directory, given, today)
    denied: list[Denied] = []
    if named:
        last = hex_of(last_manifest, "--last-manifest", 32) if last_manifest else b""
        if bool(last_sequence) != bool(last):
            raise typer.BadParameter("--last-sequence and --last-manifest belong together")
        more = {"reason": reason, "last_sequence": last_sequence, "last_manifest": last}
        denied = [_denied(ca, name, key, serial, issuer, kind, more)]
    floor_s = None
    if floor is not None:
        floor_s = int(datetime.combine(date_of(floor, "--floor"), datetime.min.time(), UTC).timestamp())
    done = publish(ca, root_file(directory, root), denied, floor_s=floor_s)
    output.show(
        {"file": str(done.path), "counter": done.counter, "entries": done.entries},
        Facts(
            "deny list",
            [fact("file", str(done.path)), fact("counter", done.counter), fact("entries", done.entries)],
        ),
    )
    output.note(f"copy {done.path} into the identity directory of a dock: it spreads from there")


def _denied(
    ca: Any,
    name: str | None,
    key: str | None,
    serial: str | None,
    issuer: str | None,
    kind: DeniedKindName | None,
    more: dict[str, Any],
) -> Any:
    from bwc_sdk.errors import AgencyError
    from bwc_sdk.identity.ca.register import Denied
    from bwc_sdk.identity.ca.standing import find

    if issuer:
        return Denied(issuer_key_id=hex_of(issuer, "--issuer"), reason=more["reason"])
    if key:
        return Denied(key_sha256=hex_of(key, "--key", 32), **more)
    if serial:
        number = int.from_bytes(hex_of(serial, "--serial"))
        found = find(ca.register(), serial=number)
        if not found:
            raise AgencyError(
                f"no certificate with the serial number {serial} was issued here",
                advice="'bwc ca list DIR --all' shows what was; --key denies a key that this CA does not know",
            )
        return Denied(name=found[-1].name, key_sha256=found[-1].key_sha256, **more)
    assert name is not None
    if not find(ca.register(), name=name):
        raise AgencyError(
            f"nobody of the name {name!r} was certified here: a slip of the pen would deny nobody",
            advice="'bwc ca list DIR' shows the names; --key denies a key that this CA does not know",
        )
    return Denied(name=name, of_kind=kind.value if kind else "", **more)
