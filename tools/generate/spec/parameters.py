"""The parameter table: every limit and timer with its default and the reason beside it (spec: Parameters)."""

import dataclasses
import enum
from types import ModuleType
from typing import Final

from bwc_protocol import endpoint, relay
from bwc_protocol.bindings import ble as gatt
from bwc_protocol.certificates import issue, profile
from bwc_protocol.conversation import answering, endings, machine, message, stream
from bwc_protocol.evidence import vocabulary as evidence
from bwc_protocol.frame import header, parser
from bwc_protocol.link import LinkParams, gate
from bwc_protocol.messages import audit, config, identity, recordings, station, trust
from bwc_protocol.session import insecure, interface, preamble, tls
from tools.generate.source_docs import constant_docs, field_docs

LAYERS: Final[dict[str, tuple[ModuleType, ...]]] = {
    "frame": (header, parser),
    "link": (gate, relay),
    "BLE": (gatt,),
    "session": (preamble, interface, insecure, tls, machine, answering, endings),
    "certificates": (profile, issue),
    "messages and streams": (message, stream, endpoint),
    "subjects": (recordings, config, identity, audit, station, trust),
    "recording": (evidence,),
}
"""Modules whose documented numbers are parameters, by layer."""


def parameters() -> str:
    """One table of all layers, in their order."""
    rows = ["| layer | parameter | default | reason |", "|---|---|---|---|"]
    for layer, modules in LAYERS.items():
        if layer == "link":
            rows += _link_rows()
        for module in modules:
            rows += _rows(layer, module)
    return "\n".join(rows)


def _link_rows() -> list[str]:
    docs = field_docs(LinkParams)
    return [
        f"| link | `{field.name}` | {_number(field.default)} | {docs[field.name]} |"
        for field in dataclasses.fields(LinkParams)
        if docs[field.name]
    ]


def _rows(layer: str, module: ModuleType) -> list[str]:
    found = []
    for name, doc in constant_docs(module).items():
        value = getattr(module, name, None)
        if not doc or not name.isupper() or name.startswith("_") or isinstance(value, enum.Enum):
            continue
        if isinstance(value, int | float):
            found.append(f"| {layer} | `{name}` | {_number(value)} | {doc} |")
    return found


def _number(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,g}"
