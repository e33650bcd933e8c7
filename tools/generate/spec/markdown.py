"""Tables of the specification, in Markdown."""

import enum
from collections.abc import Iterable

from bwc_protocol.versions import V1_0, dotted
from bwc_protocol.word import Dated, Words
from tools.generate.source_docs import member_docs


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(list(head)), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def numbers(of: type[enum.Enum]) -> str:
    """The table of an enumeration: number, name, meaning."""
    docs = member_docs(of)
    rows = [(_number(member), f"`{member.name}`", _said(member, docs[member.name])) for member in of]
    return table(("number", "name", "meaning"), rows)


def _said(member: enum.Enum, doc: str) -> str:
    """What a member means, and in which version it came."""
    if not isinstance(member, Dated | Words) or member.since == V1_0:
        return doc
    before = member.as_of(V1_0) if isinstance(member, Dated) else None
    instead = f"; `{before.name}` before" if before is not None else ""
    return f"{doc} (since {dotted(member.since)}{instead})"


def _number(member: enum.Enum) -> str:
    if isinstance(member, enum.IntFlag):
        return f"bit {int(member).bit_length() - 1} (`{int(member):#x}`)"
    return str(int(member.value))
