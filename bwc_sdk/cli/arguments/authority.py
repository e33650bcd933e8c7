"""Who certifies devices, by the options of `bwc enroll` and `bwc renew`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from bwc_sdk.cli.arguments.ca.opening import clock_by
from bwc_sdk.cli.arguments.ca.passphrases import Passphrases
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.enrolment.authority import AgencyParts, Authority, CaAuthority, LabAuthority
from bwc_sdk.enrolment.file_authority import FileAuthority
from bwc_sdk.errors import IdentityError
from bwc_sdk.identity.ca.agency_file import read_certificates
from bwc_sdk.identity.host_identity import HostIdentity

CaDir = Annotated[
    Path | None, typer.Option("--ca", metavar="DIR", help="The agency's own CA on this host ('bwc ca').")
]
CsrOut = Annotated[
    Path | None,
    typer.Option("--csr-out", metavar="DIR", help="A CA elsewhere: write devices' requests there."),
]
Certificates = Annotated[
    Path | None,
    typer.Option(
        "--certificates",
        metavar="DIR",
        help="A CA elsewhere: take certificates from there, SERIAL.pem with the device's and its issuing CA's.",
    ),
]
Recipients = Annotated[
    list[Path] | None,
    typer.Option(
        "--recipient",
        metavar="FILE",
        help="With a CA elsewhere: certificate of somebody who opens encrypted footage; up to four.",
    ),
]
NO_AUTHORITY: Final = (
    "say who certifies: --ca DIR, --lab, or --csr-out DIR and --certificates DIR for a CA elsewhere"
)


@dataclass(frozen=True, slots=True)
class AuthorityOptions:
    """What was given."""

    ca: Path | None
    csr_out: Path | None
    certificates: Path | None
    recipients: list[Path] | None
    passphrase_file: Path | None
    today: str | None


def authority_of(settings: Settings, given: AuthorityOptions, technician: HostIdentity | None) -> Authority:
    """The authority that the options name. Raises `BadParameter`, `IdentityError`, `HostFileError`.

    `technician` is by whom this host speaks: the roots of a CA elsewhere, and its deny list, are his.
    """
    import secrets

    from bwc_sdk.identity.ca.authority import Ca

    elsewhere = given.csr_out is not None or given.certificates is not None
    if sum((given.ca is not None, settings.lab, elsewhere)) != 1:
        raise typer.BadParameter(NO_AUTHORITY)
    if given.recipients and not elsewhere:
        raise typer.BadParameter(
            "--recipient is for a CA elsewhere; 'bwc ca issue DIR evidence-recipient' is yours"
        )
    if given.ca is not None:
        ca = Ca(given.ca, Passphrases(given.passphrase_file), clock_by(given.today), secrets.token_bytes)
        ca.unlock()
        return CaAuthority(ca)
    if settings.lab:
        from bwc_protocol.lab.directory import LabUnusable, open_lab

        try:
            return LabAuthority(open_lab().agency)
        except LabUnusable as error:
            raise IdentityError(str(error)) from error
    if technician is None:
        raise IdentityError(
            "a CA elsewhere is known by the identity of this host, and there is none",
            advice="name one by --identity DIR or BWC_IDENTITY",
        )
    recipients = [der for path in given.recipients or [] for der in read_certificates(path)[:1]]
    return FileAuthority(
        AgencyParts(
            roots=technician.anchors,
            deny_list=technician.deny_lists.data,
            recipients=tuple(recipients),
            lab=technician.lab,
        ),
        given.csr_out,
        given.certificates,
    )
