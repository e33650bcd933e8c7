"""`bwc ca issue` and `renew`: certificates of hosts and devices."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bwc_sdk.cli.arguments.ca.opening import open_ca
from bwc_sdk.cli.arguments.ca.options import (
    Days,
    Dir,
    Into,
    IssuedRole,
    KindName,
    Today,
    peer_kind,
    protocol_role,
)
from bwc_sdk.cli.arguments.ca.passphrases import HostFile, IssuingFile, Passphrases
from bwc_sdk.cli.arguments.ca.values import certificate_document, certificate_facts
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb


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
    from bwc_sdk.identity.ca.layout import file_stem

    if (host_role is None) == (kind is None):
        raise typer.BadParameter("give the role of a host, or --csr FILE with --kind of a device")
    if out is None:
        raise typer.BadParameter("--out DIR says where to write it")
    given = Passphrases(passphrase_file, host=identity_passphrase_file)
    ca = open_ca(directory, given, today)
    if csr is not None:
        asked, key = requested(csr)
        if kind is not None:
            issued = ca.issue_device(asked, peer_kind(kind), key, days=days)
        else:
            assert host_role is not None
            issued = ca.issue_host(name or asked, protocol_role(host_role), key, days=days)
        path = write_chain(out, file_stem(asked) if host_role is None else host_role.value, issued, ca)
        facts = issued.facts
    else:
        if host_role is None or not name:
            raise typer.BadParameter("a host's identity has a ROLE and a --name")
        path = out / f"{host_role.value}.p12"
        passphrase = b"" if no_passphrase else given.of_new_host(path)
        made = hand_out(ca, out, name, protocol_role(host_role), passphrase, days=days)
        path, facts = made.path, made.facts
    output.show(
        {"file": str(path), "certificate": certificate_document(facts)},
        Facts("issued", [fact("file", str(path)), *certificate_facts(facts)]),
    )


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
    without_proof: Annotated[
        bool,
        typer.Option(
            "--without-proof", help="With --requests: take each for the device's that it names, unproven."
        ),
    ] = False,
    days: Days = None,
    today: Today = None,
    passphrase_file: IssuingFile = None,
    identity_passphrase_file: HostFile = None,
) -> int:
    """Renew hosts (their key files) and devices (--requests DIR --out DIR).

    A device proves by its present key that a request is its own (the file `….csr.proof` beside it); one without proof
    is refused, since anybody can write any device's name into a request.

    Of devices each lasts a little shorter or longer than the next, so that they are not renewed in one week again.
    Exits with 10 when one of several could not be renewed; the others are.
    """
    from bwc_sdk.cli.advice import advice_for
    from bwc_sdk.errors import BwcError
    from bwc_sdk.identity.ca.handing_out import renew_identity
    from bwc_sdk.identity.ca.requests import answer_all

    if bool(files) == bool(requests) or bool(requests) != bool(out):
        raise typer.BadParameter("give key files of hosts, or --requests DIR and --out DIR")
    if without_proof and requests is None:
        raise typer.BadParameter("--without-proof is about --requests DIR")
    given = Passphrases(passphrase_file, host=identity_passphrase_file)
    ca = open_ca(directory, given, today)
    rows: list[dict[str, Any]] = []
    failed = 0

    def told(path: Path, work: Callable[[], tuple[Path, Any]]) -> None:
        nonlocal failed
        try:
            written, facts = work()
            rows.append({"file": str(written), "certificate": certificate_document(facts), "error": None})
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
        for answer in answer_all(ca, requests, out, days=days, without_proof=without_proof):

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
