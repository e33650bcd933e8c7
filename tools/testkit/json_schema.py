"""Whether a document is as a JSON Schema wants it: as much of such schemas as the project's own speak."""

from __future__ import annotations

import re
from typing import Any, Final

KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}
SPOKEN: Final = frozenset(
    {
        *("$schema", "title", "description", "default", "type", "const", "enum", "required", "properties"),
        *("additionalProperties", "propertyNames", "minProperties", "maxProperties", "items", "minItems"),
        *("maxItems", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "pattern"),
        *("allOf", "anyOf", "oneOf", "not", "if", "then"),
    }
)


def valid(value: Any, rule: dict[str, Any]) -> bool:
    """Whether `value` is as `rule` wants it. A keyword that is not spoken here is an `AssertionError`."""
    assert set(rule) <= SPOKEN, set(rule) - SPOKEN
    if "type" in rule:
        if not isinstance(value, KINDS[rule["type"]]):
            return False
        if isinstance(value, bool) and rule["type"] != "boolean":
            return False
    if ("const" in rule and value != rule["const"]) or ("enum" in rule and value not in rule["enum"]):
        return False
    match value:
        case bool():
            pass
        case int() | float():
            low, above, high = (rule.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
            if not ((low is None or low <= value) and (above is None or above < value)):
                return False
            if not (high is None or value <= high):
                return False
        case str():
            if not rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", len(value)):
                return False
            if "pattern" in rule and not re.search(rule["pattern"], value):
                return False
        case list():
            if not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value)):
                return False
            if not all(valid(one, rule.get("items", {})) for one in value):
                return False
        case dict():
            if not _table(value, rule):
                return False
    return (
        all(valid(value, one) for one in rule.get("allOf", ()))
        and ("anyOf" not in rule or any(valid(value, one) for one in rule["anyOf"]))
        and ("oneOf" not in rule or sum(valid(value, one) for one in rule["oneOf"]) == 1)
        and not ("not" in rule and valid(value, rule["not"]))
        and not ("if" in rule and valid(value, rule["if"]) and not valid(value, rule["then"]))
    )


def _table(value: dict[str, Any], rule: dict[str, Any]) -> bool:
    known, rest = rule.get("properties", {}), rule.get("additionalProperties", {})
    return (
        all(key in value for key in rule.get("required", ()))
        and all(valid(one, known[key]) for key, one in value.items() if key in known)
        and all(rest is not False and valid(one, rest) for key, one in value.items() if key not in known)
        and rule.get("minProperties", 0) <= len(value) <= rule.get("maxProperties", len(value))
        and all(valid(key, rule.get("propertyNames", {})) for key in value)
    )
