"""Dates, digits and certificates, as they are typed and told."""

from datetime import UTC, date, datetime
from typing import Any

import typer

from bwc_sdk.cli.printing.facts import fact


def date_of(text: str, option: str) -> date:
    """The date that an option was given. Raises `BadParameter`."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} takes a date such as 2026-12-31") from error


def hex_of(text: str, option: str, size: int = 0) -> bytes:
    """The bytes that an option was given as hexadecimal digits. Raises `BadParameter`."""
    try:
        found = bytes.fromhex(text if len(text) % 2 == 0 else "0" + text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} takes hexadecimal digits") from error
    if (size and len(found) != size) or not found:
        raise typer.BadParameter(f"{option} takes {2 * size} hexadecimal digits")
    return found


def day(utc_s: int) -> str:
    """A time in seconds since 1970 as a day."""
    return f"{datetime.fromtimestamp(utc_s, UTC):%Y-%m-%d}"


def certificate_document(facts: Any) -> dict[str, Any]:
    """A certificate in a JSON document."""
    return {
        "name": facts.name,
        "serial": f"{facts.serial:x}",
        "key_sha256": facts.key_sha256.hex(),
        "key_id": facts.key_id.hex(),
        "until": day(facts.not_after_s),
    }


def certificate_facts(facts: Any) -> list[Any]:
    """A certificate as lines."""
    return [fact("name", facts.name), fact("until", day(facts.not_after_s)), fact("agency", facts.agency)]
