"""The tables of the device in C are those of the declarations."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import COMMANDS
from bwc_protocol.messages.clock import SetClock
from tools.generate import c_tables


def test_they_are_up_to_date() -> None:
    for name, text in c_tables.files().items():
        assert (c_tables.ROOT / name).read_text(encoding="utf-8") == text, f"{name}: 'make docs' writes it"


def test_what_is_stale_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    footage = (c_tables.ROOT / c_tables.FOOTAGE).read_bytes()
    (tmp_path / "boards").mkdir()
    (tmp_path / c_tables.FOOTAGE).write_bytes(footage)
    monkeypatch.setattr(c_tables, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["c_tables"])
    assert c_tables.main() == 0
    monkeypatch.setattr("sys.argv", ["c_tables", "--check"])
    assert c_tables.main() == 0
    (tmp_path / "core/generated/messages.h").write_text("old")
    assert c_tables.main() == 1 and "messages.h" in capsys.readouterr().out


def test_every_command_has_its_opcode_roles_and_table() -> None:
    header = c_tables.header()
    for number, command in COMMANDS.items():
        name = c_tables.snake(command.name).upper()
        assert f"BWC_OP_{name} = {number:#06x}," in header
        assert f"BWC_ROLES_{name} = {int(command.roles):#x}," in header
        assert f"bwc_table {c_tables.table_name(command)};" in header


def test_a_later_field_whose_default_is_not_nothing_cannot_be_given() -> None:
    """The decoder in C gives zeros for what an older peer leaves out: it is told here, and not by a camera."""
    later: Any = dataclasses.make_dataclass("Later", [("assurance", int, dataclasses.field(default=2))])
    with pytest.raises(TypeError, match="has the default 2"):
        c_tables._starts_empty(later, "assurance")
    c_tables._starts_empty(SetClock, "assurance")
