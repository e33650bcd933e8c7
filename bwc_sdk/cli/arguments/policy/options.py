"""Options of `bwc policy`, and where its reports go."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bwc_sdk.host.required_packages import require

if TYPE_CHECKING:
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


def told_files(output: Any, written: list[Path]) -> None:
    """Says which files were written."""
    for path in written:
        output.note(f"written: {path}")
