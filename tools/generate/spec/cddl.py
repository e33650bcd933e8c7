"""Records of evidence and of documents in CDDL (RFC 8610), from their declarations (spec: Recording, Documents)."""

from collections.abc import Iterable
from typing import Final

from bwc_protocol import evidence
from bwc_protocol.documents.desired_state import SettingValue
from bwc_protocol.evidence.record import (
    Blob,
    Blobs,
    Choice,
    Flag,
    Int,
    Items,
    Key,
    Kind,
    Literal,
    Maybe,
    Name,
    Octets,
    OneOf,
    Record,
    Text,
)

_INT64: Final = (-(1 << 63), (1 << 63) - 1)
_COMMENT_AT: Final = 36


def manifest() -> str:
    """The manifest."""
    return block(
        (
            evidence.Manifest,
            evidence.SegmentFacts,
            evidence.Interval,
            evidence.Circumstances,
            evidence.Protection,
            evidence.Wrap,
        )
    )


def annotation() -> str:
    """One annotation, as it is hashed and stored."""
    return block((evidence.AnnotationRecord,))


def block(records: Iterable[type[Record]], *before: str) -> str:
    """Records one after the other; `before` are definitions that stand above them."""
    parts = [*before, *(_cddl(cls) for cls in records)]
    whole = "\n\n".join(parts)
    if "int64" in whole:
        whole += f"\n\nint64 = {_INT64[0]}..{_INT64[1]}"
    return f"```cddl\n{whole}\n```"


def _cddl(cls: type[Record]) -> str:
    lines = [f"{cls.label} = {{"]
    for name, key in cls.keys().items():
        if key.appended:
            kind = key.kind.of.label if isinstance(key.kind, Maybe) else _type(key.kind)
            entry = f"  ? {key.number} => {kind},"
        else:
            entry = f"  {key.number} => {_type(key.kind)},"
        lines.append(f"{entry:{_COMMENT_AT - 1}} ; {name}: {_doc(key)}")
    if not getattr(cls, "closed", False):
        lines.append("  * uint => any,".ljust(_COMMENT_AT) + "; appended by later versions")
    return "\n".join([*lines, "}"])


def _doc(key: Key) -> str:
    return f"{key.doc} [{key.unit}]" if key.unit else key.doc


def _type(kind: Kind) -> str:
    match kind:
        case Int(low=low, high=high):
            if (low, high) == _INT64:
                return "int64"
            return str(low) if low == high else f"{low}..{high}"
        case Blob(size=size):
            return f"bstr .size {size}"
        case Blobs(size=size, max=most, min=least):
            return f"[{least}*{most} bstr .size {size}]"
        case Octets(max=most, min=least):
            return f"bstr .size ({least}..{most})"
        case Name(max=most, optional=optional):
            return f"tstr .size ({0 if optional else 1}..{most})"
        case Text(max=most, min=least):
            return f"tstr .size ({least}..{most})"
        case Literal(text=text):
            return f'"{text}"'
        case Flag():
            return "bool"
        case Choice():
            return "0..255"
        case Items(of=of, max=most, min=least):
            return f"[{least}*{most} {of.label}]"
        case Maybe(of=of):
            return f"{of.label} / null"
        case OneOf(of=several):
            return " / ".join(f"[{number}, {of.label}]" for number, of in several.items())
        case SettingValue():
            return "bool / int64 / tstr .size (0..128)"
        case _:
            raise TypeError(f"no CDDL for {kind!r}")
