"""What an agency says of itself in numbers: cameras by site and phase, training. No names, and nothing of footage."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, StrictInt, model_validator

from bwc_sdk.policy.demands import Part
from bwc_sdk.policy.toml_file import read_toml

FIGURES_MAX: Final = 262_144
"""Bytes of a file: a thousand sites have less."""
SITES_MAX: Final = 1_000
"""Sites, each in each of its phases: more than any agency has towns."""
Count = Annotated[StrictInt, Field(ge=0, le=10_000_000)]
Place = Annotated[str, Field(min_length=1, max_length=64)]


class Site(Part):
    """How many cameras one site is to have in one phase, and has."""

    site: Place
    phase: Place
    planned: Count
    issued: Count
    due: datetime.date | None = None
    """The day until which all of them are to be issued."""


class Training(Part):
    """How many officers carry cameras, and how many of them are trained as the policy asks."""

    officers: Count
    valid: Count

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.valid > self.officers:
            raise ValueError(f"{self.valid} of {self.officers} officers cannot be trained")
        return self


class Figures(Part):
    """A file of them."""

    figures: Annotated[StrictInt, Field(ge=1, le=1)]
    """Version of this form."""
    sites: Annotated[tuple[Site, ...], Field(max_length=SITES_MAX)] = ()
    training: Training | None = None

    @model_validator(mode="after")
    def _once(self) -> Self:
        named = [(one.site, one.phase) for one in self.sites]
        if len(set(named)) < len(named):
            raise ValueError("a site stands there twice for the same phase")
        return self


def doubtful(figures: Figures) -> tuple[str, ...]:
    """What of them is likely a slip: told where they are signed, and not refused, for some agencies issue spares."""
    return tuple(
        f"{one.site}, {one.phase}: {one.issued} cameras are issued of {one.planned} that are planned"
        for one in figures.sites
        if one.issued > one.planned
    ) + tuple(
        f"{one.site}, {one.phase}: no camera is planned"
        for one in figures.sites
        if not one.planned and not one.issued
    )


def read_figures(path: Path) -> Figures:
    """The figures of a TOML file. Raises `HostFileError`, `DocumentError`, `PolicyError`."""
    return read_toml(path, Figures, FIGURES_MAX, advice=_ADVICE)


_ADVICE: Final = "docs/policy.md, 'The department's view', has a file as it has to be"
