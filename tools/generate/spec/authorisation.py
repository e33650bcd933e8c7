"""The authorisation table: every command, and which roles may send it (spec: Roles)."""

from typing import Final

from bwc_protocol.declare import ANYONE, COMMANDS, Role
from tools.generate.spec.markdown import table

COLUMNS: Final = (*(role for role in Role if role in ANYONE), Role.ENROLLER)
"""Roles that a session can have."""


def authorisation() -> str:
    """A row a command, a column a role; the last one says what still goes while a device's certificate is expired."""
    head = ("command", *(f"`{role.name}`" for role in COLUMNS), "expired")
    rows = [
        (
            f"[`{command.name}`](#{command.name.replace('.', '').lower()})",
            *("yes" if role in command.roles else "" for role in COLUMNS),
            "yes" if command.while_expired else "",
        )
        for _, command in sorted(COMMANDS.items())
    ]
    return table(head, rows)
