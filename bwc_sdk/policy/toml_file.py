"""Small TOML files beside a policy, read within bounds into their models."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from bwc_sdk.errors import PolicyError
from bwc_sdk.identity.document_files import read_document
from bwc_sdk.policy.demands import Part

PROBLEMS_MAX: Final = 40
"""Problems that are told of one file: whoever has more begins with these."""
M = TypeVar("M", bound=Part)


def read_toml(path: Path, model: type[M], most: int, *, advice: str) -> M:
    """The file as its model. Raises `HostFileError`, `DocumentError`, and `PolicyError` for what is in it."""
    data = read_document(path, most)
    try:
        found = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise PolicyError((f"{path.name}: not TOML: {error}",), advice=advice) from error
    try:
        return model.model_validate(found)
    except ValidationError as error:
        problems = [
            ": ".join(
                filter(
                    None,
                    (path.name, ".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")),
                )
            )
            for one in error.errors(include_url=False)
        ]
        raise PolicyError(tuple(problems[:PROBLEMS_MAX]), advice=advice) from error
