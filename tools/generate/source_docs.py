"""The strings below members and constants, which Python does not keep: read from the source."""

import ast
import enum
import inspect
from types import ModuleType
from typing import Any


def member_docs(of: type[enum.Enum]) -> dict[str, str]:
    """What the source says of each member of an enumeration; "" for one that needs no words."""
    (node,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(of))).body
    assert isinstance(node, ast.ClassDef)
    return {member.name: _docs(node.body).get(member.name, "") for member in of}


def field_docs(of: type[Any]) -> dict[str, str]:
    """What the source says of each field of a dataclass."""
    (node,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(of))).body
    assert isinstance(node, ast.ClassDef)
    return _docs(node.body)


def constant_docs(module: ModuleType) -> dict[str, str]:
    """What the source says of each constant of a module."""
    return _docs(ast.parse(inspect.getsource(module)).body)


def _docs(body: list[ast.stmt]) -> dict[str, str]:
    found: dict[str, str] = {}
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        names = _names(node)
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = " ".join(str(after.value.value).split())
        found |= dict.fromkeys(names, text)
    return found


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []
