"""The document alone is enough: a reader that knows only `protocol/README.md` decodes every vector.

Nothing of ours is imported here. The tables are read out of the document as a stranger would read them, and what
they make of the vectors must be what the vectors say.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

PROTOCOL = Path(__file__).parents[2] / "protocol"
TEXT = (PROTOCOL / "README.md").read_text(encoding="utf-8")
Row = tuple[str, str]


def load(name: str) -> Any:
    return json.loads((PROTOCOL / "vectors" / name).read_text(encoding="utf-8"))


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^####? `?{re.escape(title)}`?$(.*?)^#", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def rows(text: str) -> list[Row]:
    """Field and type of each row of the first table of fields in `text`; none if it says that there are none."""
    table = re.search(r"^\| field \| type .*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    if table is None or "No fields." in text[: table.start()]:
        return []
    return re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table[0], re.MULTILINE)


def decode(table: list[Row], data: bytes) -> dict[str, Any]:
    """Reads a body by its table, as the section on field types says."""
    fields, at = {}, 0
    for name, kind in table:
        fields[name], at = take(kind, data, at)
    return fields


def take(kind: str, data: bytes, at: int) -> tuple[Any, int]:
    def number(size: int, signed: bool = False) -> int:
        assert at + size <= len(data), "ends inside a known field"
        return int.from_bytes(data[at : at + size], "little", signed=signed)

    if kind.startswith("bytes["):
        size = int(kind[6:-1])
        return data[at : at + size].hex(), at + size
    if kind in ("text", "blob"):
        body = data[at + 2 : at + 2 + number(2)]
        return (body.decode() if kind == "text" else body.hex()), at + 2 + number(2)
    if kind.startswith(("record of", "items of")):
        (of,) = re.findall(r"\[(\w+)\]", kind)
        count, at = (number(2), at + 2) if kind.startswith("items") else (1, at)
        found = []
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2], "little")
            found.append(decode(rows(section(of)), data[at + 2 : at + 2 + size]))
            at += 2 + size
        return (found if kind.startswith("items") else found[0]), at
    if kind == "bool":
        return {0: False, 1: True}[number(1)], at + 1
    (sign, bits, optional) = re.match(r"([ui])(\d+)(\??)", kind).groups()
    size = int(bits) // 8
    value = number(size, sign == "i")
    absent = -(1 << int(bits) - 1) if sign == "i" else (1 << int(bits)) - 1
    if optional and value == absent:
        return None, at + size
    return (str(value) if size == 8 else value), at + size


def message(raw: str) -> tuple[int, int, int, bytes]:
    data = bytes.fromhex(raw)
    length = int.from_bytes(data[0:4], "little")
    assert len(data) == 12 + length
    return (
        int.from_bytes(data[4:6], "little"),
        int.from_bytes(data[6:8], "little"),
        int.from_bytes(data[8:12], "little"),
        data[12:],
    )


@pytest.mark.parametrize("vector", load("messages.json")["commands"], ids=lambda v: v["name"])
def test_commands_are_decoded_by_their_tables(vector: Any) -> None:
    text = section(vector["name"])
    assert f"opcode `{vector['opcode']:#06x}`" in text
    request, reply = text.split("Request:", 1)[1].split("Reply", 1)
    for cases, table, flags in ((vector["requests"], request, 0), (vector["replies"], reply, 1)):
        for case in cases:
            opcode, found_flags, _, body = message(case["message"])
            assert (opcode, found_flags, body.hex()) == (vector["opcode"], flags, case["body"])
            assert decode(rows(table), body) == case["fields"]


def test_events_controls_and_errors_are_decoded_by_their_tables() -> None:
    vectors = load("messages.json")
    for vector in vectors["events"] + vectors["controls"]:
        for case in vector["cases"]:
            opcode, _, _, body = message(case["message"])
            assert opcode == vector["opcode"]
            assert decode(rows(section(vector["name"])), body) == case["fields"], vector["name"]
    for vector in vectors["errors"]:
        _, flags, _, body = message(vector["message"])
        assert flags == 2 and decode(rows(section("error")), body) == vector["fields"]
    for vector in vectors["surplus"]:
        part = section(vector["name"]).split("Request:", 1)[1].split("Reply", 1)[vector["of"] == "reply"]
        assert decode(rows(part), bytes.fromhex(vector["body"])) == vector["fields"]


def crc32c(data: bytes) -> int:
    """By the polynomial in the text, one bit at a time."""
    register = 0xFFFF_FFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F6_3B78 if register & 1 else 0)
    return register ^ 0xFFFF_FFFF


def test_frames_are_decoded_by_the_table_of_the_header() -> None:
    text = TEXT[TEXT.index("<!-- generated: frame-header -->") : TEXT.index("<!-- end: frame-header -->")]
    layout = re.findall(r"^\| (\d+) \| (\d+) \| [^|]+ \| `(\w+)` \|", text, re.MULTILINE)
    for vector in load("frames.json")["frames"]:
        raw = bytes.fromhex(vector["hex"])
        header = {n: int.from_bytes(raw[int(at) : int(at) + int(size)], "little") for at, size, n in layout}
        assert raw[:2] == bytes.fromhex("b357")
        assert header["header_crc"] == crc32c(raw[:20])
        expected = dict(vector["header"])
        assert header["kind"] == expected.pop("version") << 4 | expected.pop("type")
        assert {name: header[name] for name in expected} == expected
        payload = raw[24 : 24 + header["length"]]
        assert payload.hex() == vector["payload"]
        checksum = crc32c(raw[:20] + payload).to_bytes(4, "little") if payload else b""
        assert raw[24 + len(payload) :] == checksum


def test_damaged_streams_are_read_by_the_rules_of_the_text() -> None:
    """The rules FRM-001 to FRM-007, as short as they can be said."""
    for vector in load("frames.json")["streams"]:
        raw, at, found = bytes.fromhex(vector["hex"]), 0, []
        while at + 24 <= len(raw):
            head = raw[at : at + 24]
            length = int.from_bytes(head[14:16], "little")
            kind = head[2] & 15
            bound = vector["max_payload"] if kind == 3 else 64
            end = at + 24 + (length + 4 if length else 0)
            covered, checksum = head[:20] + raw[at + 24 : end - 4], raw[end - 4 : end]
            whole = (
                head[:2] == b"\xb3\x57"
                and crc32c(head[:20]).to_bytes(4, "little") == head[20:]
                and length <= bound
                and end <= len(raw)
                and (not length or crc32c(covered).to_bytes(4, "little") == checksum)
            )
            if whole and 1 <= kind <= 8:
                found.append(raw[at:end].hex())
            at = end if whole else at + 1
        assert found == vector["frames"], vector["about"]


def test_the_chain_of_the_log_is_hashed_by_the_text() -> None:
    for vector in load("recording.json")["audit"]:
        entry = vector["entry"]
        actor, detail = entry["actor"].encode(), entry["detail"].encode()
        data = b"BWC-AUDIT-CHAIN1" + bytes.fromhex(vector["previous_sha256"])
        data += int(entry["sequence"]).to_bytes(8, "little") + int(entry["utc_ns"]).to_bytes(
            8, "little", signed=True
        )
        data += entry["boot_counter"].to_bytes(4, "little") + bytes([entry["kind"], len(actor)]) + actor
        data += len(detail).to_bytes(2, "little") + detail
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]


def test_tables_and_manifests_are_hashed_by_the_text() -> None:
    vectors = load("recording.json")
    for vector in vectors["segments"]:
        stored = bytes((7 * i + vector["segment"]) % 256 for i in range(vector["size_bytes"]))
        step = vector["chunk_size"]
        table = b"".join(
            hashlib.sha256(stored[at : at + step]).digest() for at in range(0, len(stored), step)
        )
        assert table.hex() == vector["table"]
        assert hashlib.sha256(table).hexdigest() == vector["table_sha256"]
    for vector in vectors["manifests"]:
        assert hashlib.sha256(bytes.fromhex(vector["hex"])).hexdigest() == vector["sha256"]


def typed(fields: list[Any], data: bytes, records: Any) -> tuple[dict[str, Any], int]:
    """Reads a body by the types that a file of vectors itself gives."""
    found, at = {}, 0
    for field in fields:
        kind = field["type"]
        if kind in ("items", "record"):
            count = int.from_bytes(data[at : at + 2], "little") if kind == "items" else 1
            at += 2 * (kind == "items")
            values = []
            for _ in range(count):
                size = int.from_bytes(data[at : at + 2], "little")
                values.append(typed(records[field["record"]], data[at + 2 : at + 2 + size], records)[0])
                at += 2 + size
            assert count <= field.get("max", 1)
            found[field["field"]] = values if kind == "items" else values[0]
            continue
        value, at = take(f"bytes[{field['size']}]" if kind == "bytes" else kind, data, at)
        if "min" in field and value is not None:
            assert int(field["min"]) <= int(value) <= int(field["max"])
        found[field["field"]] = value
    return found, at


def test_every_body_is_decoded_by_the_types_in_its_own_file() -> None:
    vectors = load("messages.json")
    records = vectors["types"]["records"]
    bodies = [(v["request_types"], case) for v in vectors["commands"] for case in v["requests"]]
    bodies += [(v["reply_types"], case) for v in vectors["commands"] for case in v["replies"]]
    bodies += [(v["types"], case) for v in vectors["events"] + vectors["controls"] for case in v["cases"]]
    bodies += [(vectors["error_types"], case) for case in vectors["errors"]]
    for fields, case in bodies:
        body = bytes.fromhex(case["body"])
        assert typed(fields, body, records) == (case["fields"], len(body))
    names = vectors["types"]["enumerations"]
    every = [field for fields in [*(fields for fields, _ in bodies), *records.values()] for field in fields]
    assert {field[key] for field in every for key in ("enum", "flags") if key in field} == set(names)


def test_frames_session_and_recording_say_the_type_of_each_field() -> None:
    frames, session, recording = (load(f"{name}.json") for name in ("frames", "session", "recording"))
    for vector in frames["frames"]:
        raw, types = bytes.fromhex(vector["hex"]), frames["types"]
        for layout, at, said in (("header", 0, vector["header"]), (vector["name"], 24, vector.get("fields"))):
            for field in types.get(layout, []) if said is not None else []:
                begin = at + field["at"]
                value = int.from_bytes(raw[begin : begin + field["size"]], "little")
                assert said.get(field["field"], value) == value
    for vector in session["preambles"]:
        assert "refused" in vector or len(bytes.fromhex(vector["hex"])) == sum(
            field["size"] for field in session["types"]["preamble"]
        )
    for vector in recording["manifests"]:
        assert list(vector["fields"]) == [
            field["field"]
            for field in recording["types"]["manifest"]
            if field["field"] in vector["fields"] or not field.get("absent")
        ]
    for vector in recording["audit"]:
        assert list(vector["entry"]) == [field["field"] for field in recording["types"]["audit"]]
