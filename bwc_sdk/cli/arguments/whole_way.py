"""How far an offload goes beyond the store: receipts delivered, signed here, and recordings erased against them."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.running.on_camera import ask_on_terminal
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.errors import HostFileError, IdentityMissing
from bwc_sdk.identity.lookup import find_identity, identity_for
from bwc_sdk.offload import OffloadPolicy

Receipts = Annotated[
    Path | None,
    typer.Option(
        "--receipts",
        readable=False,
        metavar="DIR",
        help="Give each camera the receipts that lie in DIR for what it has; see 'bwc receipt sign'.",
    ),
]
Sign = Annotated[
    bool,
    typer.Option(
        "--sign",
        help="Sign the receipts here, too, and deliver them: for a site of one host, which has the identity of a "
        "destination beside its dock's. Every report says 'one site'.",
    ),
]
Erase = Annotated[
    bool,
    typer.Option("--erase", help="Ask each camera to erase what it says is released, once it is stored."),
]


def whole_way(
    settings: Settings, policy: OffloadPolicy, receipts: Path | None, *, sign: bool, erase: bool
) -> OffloadPolicy:
    """The policy of an offload that is told to go further than to the store. Raises `IdentityError`,
    `DocumentError`, and `HostFileError` for a directory of desired states that is not there: it would have nothing for
    any camera, and nobody would be told."""
    if policy.deliver_from is not None:
        _require_directory("--desired", policy.deliver_from)
    if sign:
        from bwc_sdk.destination.receipt_signing import require_destination

        found = find_identity(
            settings.identity, lab=settings.lab, allow_insecure=settings.allow_insecure, ask=ask_on_terminal
        )
        if found is None:
            raise IdentityMissing(
                "this host has no identity, and nobody signs receipts without one",
                advice="name one: --identity DIR, or --lab for simulators and lab devices",
            )
        now_s = time.time()
        identity = identity_for(found, Role.DESTINATION, now_s)
        require_destination(identity, identity.name, int(now_s))
        policy = dataclasses.replace(policy, sign_by=identity)
    return dataclasses.replace(policy, receipts_from=receipts, erase=erase)


def _require_directory(option: str, directory: Path) -> None:
    try:
        os.scandir(directory).close()
    except OSError as error:
        raise HostFileError(
            f"{option}: {directory} cannot be read: {error.strerror or error}",
            advice="is the path right? Make it first (mkdir), if documents are to come into it later",
        ) from error
