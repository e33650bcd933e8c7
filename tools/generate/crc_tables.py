"""Prints the table of the frame checksum for another language (`python -m tools.generate.crc_tables rust`)."""

import argparse
import json
from collections.abc import Callable
from typing import Final

from bwc_protocol import crc

PER_LINE: Final = 8
ABOUT: Final = (
    f"CRC-32C, a byte at a time: polynomial {crc.POLYNOMIAL & 0xFFFF_FFFF:#010x}, reflected, register starts as "
    f"0xffffffff, final xor {crc.FINAL_XOR:#010x}; check of 123456789: {crc.CHECK:#010x}"
)


def rows(indent: str) -> str:
    """The entries in hexadecimal, some to a line."""
    words = [f"0x{entry:08x}" for entry in crc.table()]
    lines = [", ".join(words[at : at + PER_LINE]) for at in range(0, len(words), PER_LINE)]
    return ",\n".join(indent + line for line in lines)


def c_table() -> str:
    """C99."""
    return f"/* {ABOUT} */\n#include <stdint.h>\n\nconst uint32_t crc32c_table[256] = {{\n{rows('    ')}\n}};"


def rust_table() -> str:
    """Rust."""
    return f"// {ABOUT}\npub const CRC32C_TABLE: [u32; 256] = [\n{rows('    ')},\n];"


def python_table() -> str:
    """Python."""
    return f"# {ABOUT}\nCRC32C_TABLE = (\n{rows('    ')},\n)"


def json_table() -> str:
    """JSON, with the definition beside the table."""
    definition = {
        "name": "CRC-32C",
        "polynomial": crc.POLYNOMIAL & 0xFFFF_FFFF,
        "reflected": crc.REFLECTED,
        "final_xor": crc.FINAL_XOR,
        "check": crc.CHECK,
        "table": list(crc.table()),
    }
    return json.dumps(definition, indent=2)


LANGUAGES: Final[dict[str, Callable[[], str]]] = {
    "c": c_table,
    "rust": rust_table,
    "python": python_table,
    "json": json_table,
}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language", choices=LANGUAGES)
    print(LANGUAGES[parser.parse_args().language]())


if __name__ == "__main__":
    main()
