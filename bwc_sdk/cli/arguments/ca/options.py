"""What several verbs of `bwc ca` take."""

import enum
from pathlib import Path
from typing import Annotated, Any

import typer


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


def protocol_role(role: IssuedRole) -> Any:
    """The protocol's role of that name."""
    from bwc_protocol.declare import Role

    return Role[role.name]


def peer_kind(kind: KindName) -> Any:
    """The protocol's kind of that name."""
    from bwc_protocol.vocabulary import PeerKind

    return PeerKind[kind.name]
