"""The checksum: one definition, one fast implementation, tables for other languages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol import crc


@given(st.binary(max_size=2_000))
def test_the_fast_implementation_computes_what_the_definition_says(data: bytes) -> None:
    assert crc.crc32c(data) == crc.CRC_32C.new(data).crcValue


def test_the_check_value_is_the_published_one() -> None:
    assert crc.crc32c(b"123456789") == crc.CHECK == crc.CRC_32C.new(b"123456789").crcValue


@given(st.binary(max_size=200))
def test_data_with_its_own_checksum_has_the_residue(data: bytes) -> None:
    assert crc.crc32c(data + crc.crc32c(data).to_bytes(4, "little")) == crc.RESIDUE


@given(st.binary(max_size=200))
def test_the_table_computes_the_checksum_a_byte_at_a_time(data: bytes) -> None:
    table, value = crc.table(), 0xFFFF_FFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    assert value ^ crc.FINAL_XOR == crc.crc32c(data)


TOOL = Path(__file__).parents[2] / "tools" / "generate" / "crc_tables.py"


@pytest.mark.parametrize("language", ["c", "rust", "python", "json"])
def test_the_printed_table_of_each_language_is_the_table(language: str) -> None:
    printed = subprocess.run(
        [sys.executable, TOOL, language], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    if language == "json":
        entries = json.loads(printed)["table"]
    else:
        body = printed[printed.index("= ") :]
        entries = [int(word.strip(" \n{}[]();"), 16) for word in body[2:].split(",") if "0x" in word]
    assert tuple(entries) == crc.table()
