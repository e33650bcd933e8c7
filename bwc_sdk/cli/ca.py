"""`bwc ca init|issue|renew|revoke|list|rotate`: the agency's own small CA (docs/agency.md)."""

import enum
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bwc_sdk.cli.ca_passphrases import HostFile, IssuingFile, Passphrases, RootFile, StandbyFile
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.facts import fact
from bwc_sdk.cli.options import Settings
from bwc_sdk.cli.output import Facts, Output, Rows
from bwc_sdk.cli.verb import common_options, local_verb, verbs

app = verbs(
    no_args_is_help=True,
    help="Keep the agency's own small CA.\n\nA directory with a register; 'bwc ca init' says what of it has to be "
    "kept, and where. Its keys are made and used by this Python's own cryptography, not by a validated module: sites "
    "under the CJIS policy use their own CA, by requests (--csr). A key file gives nobody a second factor.",
)
common_options(app)

WARN_DAYS: Final = 30
"""What ends sooner is told by `list` with exit code 1, for a watch."""


class IssuedRole(enum.StrEnum):
    """What a host can be certified for."""

    TECHNICIAN = "technician"
    DOCK_OFFLOAD = "dock-offload"
    DESTINATION = "destination"
    AUDITOR = "auditor"
    RECORDS = "records"
    BENCH = "bench"
    EVIDENCE_RECIPIENT = "evidence-recipient"


class KindName(enum.StrEnum):
    """Kinds of device."""

    CAMERA = "camera"
    STATION = "station"


class DeniedKindName(enum.StrEnum):
    """Whose name it is that is denied."""

    HOST = "host"
    CAMERA = "camera"
    STATION = "station"


Dir = Annotated[Path, typer.Argument(metavar="DIR", help="The directory of the CA.")]
Today = Annotated[
    str | None,
    typer.Option(
        "--today",
        metavar="YYYY-MM-DD",
        help="Today's date, read off something else than this computer: where its system does not confirm its clock.",
    ),
]
Days = Annotated[int | None, typer.Option("--days", min=1, max=3650, help="How long it is to last.")]
Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="FILE", help="Key file of the root. Default: DIR/offline/root.p12."),
]
Into = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where to write what was issued.")]


@app.command("init")
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
            {"directory": str(directory), "agency": issuing.agency, "issuing": _certificate(issuing)},
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
            "root": _certificate(made.root) | {"file": str(made.root_file)},
            "standby": _certificate(made.standby) | {"file": str(made.standby_file)},
            "issuing": _certificate(made.issuing),
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


@app.command("issue")
@local_verb
def issue(
    settings: Settings,
    output: Output,
    directory: Dir,
    host_role: Annotated[
        IssuedRole | None, typer.Argument(metavar="ROLE", help="The one role of a host.")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="How the host is called in logs; of a request its own name.")
    ] = "",
    out: Into = None,
    csr: Annotated[
        Path | None,
        typer.Option(
            "--csr", metavar="FILE", help="A request, for a key that is kept elsewhere (PEM or DER)."
        ),
    ] = None,
    kind: Annotated[
        KindName | None, typer.Option("--kind", help="With --csr: a device's request, of this kind.")
    ] = None,
    days: Days = None,
    no_passphrase: Annotated[
        bool,
        typer.Option(
            "--no-passphrase", help="Leave the key file unencrypted: whoever can copy it is this host."
        ),
    ] = False,
    today: Today = None,
    passphrase_file: IssuingFile = None,
    identity_passphrase_file: HostFile = None,
) -> None:
    """Issue an identity for a host: ROLE.p12 and agency.pem, in a directory that --identity takes.

    With --csr the certificate alone, for a key in a token, in another program, or of a device (--kind).
    """
    from bwc_sdk.identity.ca.handing_out import hand_out, requested, write_chain

    if (host_role is None) == (kind is None):
        raise typer.BadParameter("give the role of a host, or --csr FILE with --kind of a device")
    if out is None:
        raise typer.BadParameter("--out DIR says where to write it")
    given = Passphrases(passphrase_file, host=identity_passphrase_file)
    ca = _ca(directory, given, today)
    if csr is not None:
        asked, key = requested(csr)
        if kind is not None:
            issued = ca.issue_device(asked, _kind(kind), key, days=days)
        else:
            assert host_role is not None
            issued = ca.issue_host(name or asked, _role(host_role), key, days=days)
        path = write_chain(out, asked if host_role is None else host_role.value, issued, ca)
        facts = issued.facts
    else:
        if host_role is None or not name:
            raise typer.BadParameter("a host's identity has a ROLE and a --name")
        path = out / f"{host_role.value}.p12"
        passphrase = b"" if no_passphrase else given.of_new_host(path)
        made = hand_out(ca, out, name, _role(host_role), passphrase, days=days)
        path, facts = made.path, made.facts
    output.show(
        {"file": str(path), "certificate": _certificate(facts)},
        Facts("issued", [fact("file", str(path)), *_facts(facts)]),
    )


@app.command("renew")
@local_verb
def renew(
    settings: Settings,
    output: Output,
    directory: Dir,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE...]", help="Key files of hosts: a new key takes the place of each."),
    ] = None,
    requests: Annotated[
        Path | None,
        typer.Option(
            "--requests", metavar="DIR", help="Devices' requests, as 'bwc renew --csr-out DIR' collects them."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where to write their certificates, for 'bwc renew'."),
    ] = None,
    days: Days = None,
    today: Today = None,
    passphrase_file: IssuingFile = None,
    identity_passphrase_file: HostFile = None,
) -> int:
    """Renew hosts (their key files) and devices (--requests DIR --out DIR).

    Of devices each lasts a little shorter or longer than the next, so that they are not renewed in one week again.
    Exits with 10 when one of several could not be renewed; the others are.
    """
    from bwc_sdk.cli.advice import advice_for
    from bwc_sdk.errors import BwcError
    from bwc_sdk.identity.ca.handing_out import renew_identity
    from bwc_sdk.identity.ca.requests import answer_all

    if bool(files) == bool(requests) or bool(requests) != bool(out):
        raise typer.BadParameter("give key files of hosts, or --requests DIR and --out DIR")
    given = Passphrases(passphrase_file, host=identity_passphrase_file)
    ca = _ca(directory, given, today)
    rows: list[dict[str, Any]] = []
    failed = 0

    def told(path: Path, work: Callable[[], tuple[Path, Any]]) -> None:
        nonlocal failed
        try:
            written, facts = work()
            rows.append({"file": str(written), "certificate": _certificate(facts), "error": None})
        except BwcError as error:
            failed += 1
            rows.append({"file": str(path), "certificate": None, "error": str(error)})
            output.note(f"{path}: {error.rule}; try: {advice_for(error)}")

    for path in files or []:

        def renewed(path: Path = path) -> tuple[Path, Any]:
            made = renew_identity(ca, path, given.of_host, days=days)
            return made.path, made.facts

        told(path, renewed)
    if requests is not None and out is not None:
        for answer in answer_all(ca, requests, out, days=days):

            def issued(answer: Any = answer) -> tuple[Path, Any]:
                if answer.error is not None:
                    raise answer.error
                return answer.path, answer.facts

            told(answer.request, issued)
    output.show(
        {"renewed": rows},
        Rows(
            title="",
            headings=["file", "name", "until"],
            plain=[
                [row["file"], row["certificate"]["name"], row["certificate"]["until"]]
                for row in rows
                if row["certificate"]
            ],
        ),
    )
    return ExitCode.INCOMPLETE if failed else ExitCode.SUCCESS


@app.command("revoke")
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
    ca = _ca(directory, given, today)
    denied: list[Denied] = []
    if named:
        last = _hex(last_manifest, "--last-manifest", 32) if last_manifest else b""
        if bool(last_sequence) != bool(last):
            raise typer.BadParameter("--last-sequence and --last-manifest belong together")
        more = {"reason": reason, "last_sequence": last_sequence, "last_manifest": last}
        denied = [_denied(ca, name, key, serial, issuer, kind, more)]
    floor_s = None
    if floor is not None:
        floor_s = int(datetime.combine(_date(floor, "--floor"), datetime.min.time(), UTC).timestamp())
    done = publish(ca, _root_file(directory, root), denied, floor_s=floor_s)
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
        return Denied(issuer_key_id=_hex(issuer, "--issuer"), reason=more["reason"])
    if key:
        return Denied(key_sha256=_hex(key, "--key", 32), **more)
    if serial:
        number = int.from_bytes(_hex(serial, "--serial"))
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


@app.command("list")
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
        _certificate(one.facts)
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


@app.command("rotate")
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
    ca = _ca(directory, given, today)
    made = founding.rotate(ca, _root_file(directory, root, standby=standby), given.new_issuing)
    output.show(
        {"issuing": _certificate(made)},
        Facts("issuing CA", [fact("name", made.name), fact("until", day(made.not_after_s))]),
    )
    output.note(f"make a new backup of {directory}; put the root's key back into its safe")


# What the verbs share


def _ca(directory: Path, given: Passphrases, today: str | None) -> Any:
    from bwc_sdk.identity.ca.authority import Ca

    return Ca(directory, given, clock_by(today), secrets.token_bytes)


def clock_by(today: str | None) -> Callable[[int | None], int]:
    """The time of this host, if its system confirms it or somebody has stated the date."""
    from bwc_sdk.host.world import World
    from bwc_sdk.identity.ca.clock_check import confirmed_now

    stated = _date(today, "--today") if today is not None else None
    world = World()

    def clock(last_s: int | None) -> int:
        return confirmed_now(world.host_time(), world.utc_ns() // 1_000_000_000, last_s, stated)

    return clock


def _root_file(directory: Path, given: Path | None, *, standby: bool = False) -> Path:
    from bwc_sdk.identity.ca.layout import OFFLINE, ROOT_FILE, STANDBY_FILE

    return given or directory / OFFLINE / (STANDBY_FILE if standby else ROOT_FILE)


def _date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} takes a date such as 2026-12-31") from error


def _hex(text: str, option: str, size: int = 0) -> bytes:
    try:
        found = bytes.fromhex(text if len(text) % 2 == 0 else "0" + text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} takes hexadecimal digits") from error
    if (size and len(found) != size) or not found:
        raise typer.BadParameter(f"{option} takes {2 * size} hexadecimal digits")
    return found


def _role(role: IssuedRole) -> Any:
    from bwc_protocol.declare import Role

    return Role[role.name]


def _kind(kind: KindName) -> Any:
    from bwc_protocol.vocabulary import PeerKind

    return PeerKind[kind.name]


def day(utc_s: int) -> str:
    """A time in seconds since 1970 as a day."""
    return f"{datetime.fromtimestamp(utc_s, UTC):%Y-%m-%d}"


def _certificate(facts: Any) -> dict[str, Any]:
    return {
        "name": facts.name,
        "serial": f"{facts.serial:x}",
        "key_sha256": facts.key_sha256.hex(),
        "key_id": facts.key_id.hex(),
        "until": day(facts.not_after_s),
    }


def _facts(facts: Any) -> list[Any]:
    return [fact("name", facts.name), fact("until", day(facts.not_after_s)), fact("agency", facts.agency)]
