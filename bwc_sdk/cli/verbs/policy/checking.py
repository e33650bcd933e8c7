"""`bwc policy check`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bwc_sdk.cli.arguments.policy.options import (
    HtmlFile,
    MarkdownFile,
    On,
    PackName,
    Packs,
    Shifts,
    Stores,
    effective_of,
    tell,
)
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import DEVICE_ENV, Settings
from bwc_sdk.cli.running.verb import UNCHANGED, local_verb

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.policy.asked_settings import Value
    from bwc_sdk.policy.check import Checked
    from bwc_sdk.policy.seen import Seen


@local_verb
def check(
    settings: Settings,
    output: Output,
    pack: PackName,
    store: Stores = None,
    shifts: Shifts = None,
    on: On = None,
    packs: Packs = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
) -> int | None:
    """Whether a camera (--device) is configured as its policy asks, and whether recordings keep to it: those that it
    still has, and those of stores (--store).

    Finds recordings without event or reason of their stop, early stops, starts by remote or by another camera, sound
    off beyond its reasons, pre-event footage below what was asked, late offloads, and what nobody categorised. Exits
    with 22 if anything was found, with 2 if there was nothing to judge. No finding names a person. Nothing is changed.
    """
    named = settings.device or (os.environ.get(DEVICE_ENV) if not store else None)
    if not store and not named:
        raise typer.BadParameter("say what is to be checked: --store DIR, --device URI, or both")
    policy = effective_of(pack, on, packs)
    from bwc_sdk.policy.shift_times import read_shift_times
    from bwc_sdk.policy.whole_check import check_all

    times = read_shift_times(shifts) if shifts is not None else None
    if not named:
        return _tell(output, check_all(policy, store or [], shifts=times), markdown, html)
    from bwc_protocol.declare import Role
    from bwc_sdk.cli.running.on_camera import run_on_camera

    async def work(camera: Camera, out: Output) -> int:
        asked = await ask(camera)
        found = check_all(
            policy,
            store or [],
            {camera.identity: asked.effective},
            asked.recordings,
            applied={camera.identity: asked.applied},
            recording_still=[camera.identity] if asked.records_still else [],
            now_ns=time.time_ns(),
            shifts=times,
        )
        return _tell(out, found, markdown, html)

    return run_on_camera(settings, Role.AUDITOR, work, interrupted=UNCHANGED, any_role=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a camera says of itself."""

    effective: dict[str, Value]
    """Its configuration."""
    applied: dict[str, Value]
    """What is still to take effect."""
    recordings: list[Seen]
    records_still: bool
    """In its dock."""


async def ask(camera: Camera) -> Asked:
    """Reads it; nothing is changed."""
    from bwc_protocol.messages.config import ConfigView
    from bwc_protocol.messages.identity import CameraState
    from bwc_protocol.messages.recordings import AnnotationKind
    from bwc_sdk.policy.seen import Seen

    seen = []
    async for entry in camera.recordings.iterate():
        manifest = await camera.recordings.read_manifest(entry)
        said = await camera.recordings.annotations_all(entry.recording)
        categories = [one.text for one in said if one.kind == AnnotationKind.CATEGORY]
        category = categories[-1] if categories else ""
        seen.append(Seen(manifest, category, None, camera.identity, len(said)))
    status = await camera.device.status()
    return Asked(
        await camera.config.values(ConfigView.EFFECTIVE),
        await camera.config.values(ConfigView.PENDING),
        seen,
        status.docked and status.state in (CameraState.RECORDING, CameraState.POST_EVENT),
    )


def _tell(output: Output, found: Checked, markdown: Path | None, html: Path | None) -> int:
    from bwc_sdk.policy.check import document
    from bwc_sdk.policy.check_page import page

    tell(
        output,
        document(found),
        page(found),
        Facts(
            "policy",
            [
                fact("pack", found.policy.pack.id),
                fact("keeps", found.keeps if found.judged else "nothing to judge"),
                fact("recordings", found.recordings),
                fact("cameras", len(found.cameras)),
                fact("late", found.late),
            ],
        ),
        *(
            Rows(
                title=title,
                headings=["kind", "rule", "camera", "number", "what"],
                plain=[
                    [str(one.kind), one.rule or "-", one.camera, one.sequence, one.sentence]
                    for one in found.found
                    if one.counts is counts
                ],
                section=title,
            )
            for title, counts in (("findings", True), ("notes", False))
        ),
        markdown=markdown,
        html=html,
    )
    if not found.judged:
        output.note("nothing to judge: no recording lies in the store; is it the right one?")
        return ExitCode.USAGE  # as of 'evidence verify': an empty store is no clean bill
    return ExitCode.SUCCESS if found.keeps else ExitCode.NOT_MET
