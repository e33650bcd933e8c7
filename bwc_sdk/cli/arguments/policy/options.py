"""Options of `bwc policy`, and where its reports go."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bwc_sdk.host.required_packages import require

if TYPE_CHECKING:
    from bwc_sdk.cli.printing.output import Facts, Output, Rows
    from bwc_sdk.cli.running.options import Settings
    from bwc_sdk.evidence.believing import DenyListsOfAgencies
    from bwc_sdk.evidence.statements import Believed
    from bwc_sdk.policy.inheritance import Effective
    from bwc_sdk.policy.pack import Pack
    from bwc_sdk.policy.page import Page
    from bwc_sdk.policy.reading import Library

EXTRA: Final = "policy"
PackName = Annotated[str, typer.Argument(metavar="PACK", help="File of a pack, or id of a shipped one.")]
On = Annotated[
    str | None,
    typer.Option("--on", metavar="YYYY-MM-DD", help="The day that is looked at. Without: today, in UTC."),
]
Packs = Annotated[
    list[Path] | None,
    typer.Option(
        "--packs",
        metavar="DIR",
        readable=False,
        help="Where parents and laws lie, beside the directory of PACK and what is shipped.",
    ),
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option("--markdown", metavar="FILE", readable=False, help="Write the report there in Markdown."),
]
HtmlFile = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        readable=False,
        help="Write it there as one page of HTML that needs nothing else.",
    ),
]


Stores = Annotated[
    list[Path] | None,
    typer.Option(
        "--store",
        metavar="DIR",
        readable=False,
        help="Directory that offloads stored into; may be given several times.",
    ),
]
Shifts = Annotated[
    Path | None,
    typer.Option(
        "--shifts",
        metavar="FILE",
        readable=False,
        help="When shifts change (TOML): a deadline by the end of a shift is looked at by them. Without: by its hours.",
    ),
]
Against = Annotated[
    str, typer.Option("--against", metavar="PACK", help="The policy that is to be met, by file or id.")
]
WaiverFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--waiver",
        metavar="FILE",
        readable=False,
        help="A waiver of 'bwc policy waive', or a directory of such; may be given several times.",
    ),
]
Roots = Annotated[
    list[Path] | None,
    typer.Option(
        "--root",
        metavar="FILE",
        readable=False,
        help="Root certificates of whoever may sign waivers: the department's agency.pem. Without: those of "
        "--identity, or of what is configured here; a lab's count by --lab alone.",
    ),
]
DenyLists = Annotated[
    list[Path] | None,
    typer.Option(
        "--deny-list",
        metavar="FILE",
        readable=False,
        help="Deny list of whoever signed, such as deny-list.cose: what somebody on it signed does not count; several "
        "times for several. Without: the one beside the identity.",
    ),
]


def require_policy() -> None:
    """Raises `MissingExtra` where what reads packs is not installed."""
    require("pydantic", "'bwc policy'", EXTRA)


def day_of(text: str | None) -> datetime.date:
    """The day that is looked at. Raises `BadParameter`."""
    if text is None:
        return datetime.datetime.now(datetime.UTC).date()
    return date_of(text, "--on")


def date_of(text: str, option: str) -> datetime.date:
    """A day as it was typed. Raises `BadParameter`."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} takes a day such as 2026-11-30, not {text!r}") from error


def pack_of(name: str, packs: list[Path] | None) -> tuple[Pack, Library]:
    """The pack that was named, and where its parents lie. Raises `PolicyError`, `HostFileError`."""
    require_policy()
    from bwc_sdk.errors import HostFileError
    from bwc_sdk.policy.reading import Library, named_pack

    pack, directory = named_pack(name)
    for one in packs or ():
        if not one.is_dir():
            raise HostFileError(f"{one} is no directory", advice="name the directory that packs lie in")
    places = [*([directory] if directory is not None else []), *(packs or ())]
    return pack, Library([pack], places)


def effective_of(name: str, on: str | None, packs: list[Path] | None) -> Effective:
    """What is in force, on a day, of the pack that was named. Raises `PolicyError`, `HostFileError`, `BadParameter`."""
    pack, library = pack_of(name, packs)
    from bwc_sdk.policy.inheritance import effective

    return effective(pack, day_of(on), library)


def whom(
    settings: Settings, roots: list[Path] | None, deny_lists: list[Path] | None
) -> tuple[Believed | None, DenyListsOfAgencies | None]:
    """Whose signatures count here, and whose do not any more: a lab's only where somebody asked for it.

    Raises `IdentityError`, `HostFileError`.
    """
    from bwc_sdk.evidence.believing import deny_lists_of, whom_to_believe

    believed = whom_to_believe(
        roots=tuple(roots or ()), identity=settings.identity, lab=settings.lab, lab_unasked=False
    )
    return believed, deny_lists_of(deny_lists or (), believed)


def tell(
    output: Output,
    document: dict[str, Any],
    page: Page,
    *shown: Facts | Rows,
    markdown: Path | None,
    html: Path | None,
) -> None:
    """Shows a report, and writes the files of it that were asked for. Raises `HostFileError`."""
    written = write_reports(page, markdown, html)
    output.show(document, *shown)
    told_files(output, written)


def write_reports(page: Page, markdown: Path | None, html: Path | None) -> list[Path]:
    """Writes the files that were asked for, over older ones. Raises `HostFileError`."""
    from bwc_sdk.identity.document_files import write_document
    from bwc_sdk.policy.page import to_html, to_markdown

    written = []
    for path, text in ((markdown, to_markdown), (html, to_html)):
        if path is not None:
            write_document(path, text(page).encode(), over=True)
            written.append(path)
    return written


def told_files(output: Output, written: list[Path]) -> None:
    """Says which files were written."""
    for path in written:
        output.note(f"written: {path}")
