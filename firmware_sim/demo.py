"""`bwc demo`: a simulated camera gives up its footage over a serial line, and the cable is pulled half-way.

The camera runs in this process, behind a pty; everything that a technician would type is typed: each step is the
`bwc` command of the SDK in a process of its own. What arrived is then compared with what the camera has.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.table import Table

from bwc_protocol.evidence import CHUNK_SIZE, ChunkHasher
from bwc_protocol.lab.directory import LAB_ENV, Lab, LabUnusable, open_lab
from firmware_sim import exit_codes
from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.footage.contact_sheet import contact_sheet
from firmware_sim.footage.mp4 import FootageUnavailable
from firmware_sim.ports.pty import PtyPort
from firmware_sim.scenarios import make_camera

LINE: Final = "delay.rx=0.2"
"""A line slow enough to watch: half a megabyte of frames every 200 ms."""
PULL_IN: Final = 2
"""The cable is pulled in this recording of the plan, once its first chunk is on disk."""
REFUSED: Final = 6
EVIDENCE_MISMATCH: Final = 14
"""What `bwc` exits with where a device refuses, and where something is not what was recorded (docs/errors.md)."""
CONFIGURATION: Final = {
    "recording.pre_event_s": 120,
    "audio.pre_event": False,
    "category.default": "unclassified",
}


class StepFailed(Exception):
    """A command of the demo did not do what the demo is there to show."""


def demo(
    out: Annotated[
        Path,
        typer.Option(
            readable=False, metavar="DIR", help="Footage and contact sheet go into a new directory in it."
        ),
    ] = Path("demo-out"),
    recordings: Annotated[int, typer.Option(min=3, max=20, help="Recordings on the camera.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same camera.")] = 7,
) -> None:
    """Watch a simulated camera give up its footage, with the cable pulled half-way."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        # A place of its own for each run: what is stored already would not be fetched again.
        out = out.absolute() / time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())
        out.mkdir(parents=True)
        asyncio.run(_demo(console, out, recordings, seed))
    except (StepFailed, FootageUnavailable, LabUnusable, OSError) as error:
        typer.echo(f"bwc demo: {error}", err=True)
        raise typer.Exit(exit_codes.making(error)) from error


async def _demo(console: Console, out: Path, recordings: int, seed: int) -> None:
    begun = time.monotonic()
    console.print("[bold]1. A camera comes home[/] (simulated: real H.264 footage, a clock that drifts)")
    with tempfile.TemporaryDirectory(prefix="bwc-demo-") as place:
        lab = open_lab()
        if lab.path is None:  # nothing can be written where it belongs, and the commands have to find it
            lab = open_lab(Path(place, "lab"))
        camera = await asyncio.to_thread(make_camera, seed=seed, recordings=recordings, agency=lab.agency)
        port = PtyPort(camera, link=Path(place, "camera"), faults=FaultCount(FaultPlan.parse(LINE, seed)))
        try:
            await _show(console, camera, port, out, Path(place), lab)
        finally:
            port.close()
            camera.close()
    console.print(f"[dim]done in {time.monotonic() - begun:.0f} s[/]")


async def _show(console: Console, camera: SimCamera, port: PtyPort, out: Path, place: Path, lab: Lab) -> None:
    bwc = _Bwc(console, port.uri, lab)
    info = await bwc.document("info")
    identity = info["identity"]
    console.print(
        f"   {identity['model']} {identity['serial']}, firmware {identity['firmware']}, at {port.uri}"
    )
    console.print(
        f"   each command proves who it is, and so does the camera: both are of lab {lab.agency.id}"
    )

    console.print("[bold]2. Its clock is measured, then set[/]")
    clock = await bwc.document("clock", "sync", "--source", "operator")
    before, after = clock["before"], clock["after"]
    console.print(
        f"   it was {_off(before['offset_ns'], 1)} (± {before['uncertainty_ns'] / 1e6:.2f} ms), "
        f"and is now {_off(after['offset_ns'], 3)}"
    )

    console.print("[bold]3. It is configured: staged, applied in one transaction, read back[/]")
    file = place / "camera.toml"
    file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in CONFIGURATION.items()))
    await bwc.document("config", "apply", str(file))
    left = (await bwc.document("config", "diff", str(file)))["differences"]
    if [one for one in left if one["pending"] != one["file"]]:
        raise StepFailed(f"read back differently: {left}")
    console.print("   " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in CONFIGURATION.items()))

    console.print("[bold]4. Its footage is offloaded, and half-way the cable is pulled[/]")
    console.print("   [dim]marked and held recordings come first, then the oldest[/]")
    result = await _offload(console, bwc, port, out)

    console.print("[bold]5. What arrived is compared with what the camera recorded[/]")
    _compare(console, camera, result)

    console.print("[bold]6. Anybody can verify it, without the camera[/]")
    report = await bwc.document("evidence", "verify", str(out))
    if report["verdict"] != "verified":
        raise StepFailed(f"it is not verified: {report}")
    console.print(
        f"   {report['verdict']}: {report['recordings']} recordings, {report['signed']} of them signed by the camera, "
        f"{report['bytes_hashed'] / CHUNK_SIZE:.1f} MiB hashed"
    )

    console.print("[bold]7. One recording is erased on the camera, against a receipt and no sooner[/]")
    await _erase(console, bwc, out)

    console.print("[bold]8. Somebody changes one bit of a copy[/]")
    await _tamper(console, bwc, out, place / "copy")

    console.print("[bold]9. It is encrypted: whoever has the key of the evidence recipient opens it[/]")
    films = out / "films"
    films.mkdir()
    opened = await bwc.document("evidence", "decrypt", str(out), "--out", str(films))
    files = [Path(one["file"]) for one in opened["decrypted"]]
    sheet = out / "contact-sheet.png"
    await asyncio.to_thread(contact_sheet, files, sheet)
    console.print(f"   contact sheet: {sheet}")


async def _erase(console: Console, bwc: _Bwc, out: Path) -> None:
    """Asks for it in vain, has the store sign, and asks again."""
    listed = (await bwc.document("recordings", "list"))["recordings"]
    chosen = next(one for one in listed if "held" not in one["marks"])
    sequence = str(chosen["sequence"])
    await bwc.document("recordings", "erase", sequence, expect=REFUSED)
    console.print(f"   [dim]recording {sequence}: refused, nobody has signed that it is anywhere else[/]")
    signed = await bwc.document("receipt", "sign", str(out), "--destination", "archive-1")
    receipt = next(one["file"] for one in signed["receipts"] if one["recording"] == chosen["recording"])
    await bwc.document("recordings", "erase", sequence, "--receipt", receipt)
    left = (await bwc.document("recordings", "list"))["recordings"]
    if sequence in [str(one["sequence"]) for one in left]:
        raise StepFailed(f"recording {sequence} is still there")
    console.print(f"   recording {sequence} is erased; the camera keeps a signed tombstone of it")


async def _tamper(console: Console, bwc: _Bwc, out: Path, copy: Path) -> None:
    """One bit of footage in a copy of the store is another: which chunk it is in is found."""
    await asyncio.to_thread(_change_one_bit, out, copy)
    report = await bwc.document("evidence", "verify", str(copy), expect=EVIDENCE_MISMATCH)
    found = next(one for one in report["findings"] if one["kind"] == "footage-damaged")
    console.print(f"   [green]found[/]: {found['file']}: {found['detail']}")


def _change_one_bit(out: Path, copy: Path) -> None:
    shutil.copytree(out, copy)
    footage = min(copy.glob("*.mp4.sealed"))
    footage.chmod(0o600)
    with footage.open("r+b") as file:
        file.seek(footage.stat().st_size // 2)
        changed = file.read(1)[0] ^ 1
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([changed]))


def _off(offset_ns: int, digits: int) -> str:
    """What has to be added to the camera's time to get the host's, as people say it."""
    return f"{abs(offset_ns) / 1e6:.{digits}f} ms {'behind' if offset_ns > 0 else 'ahead'}"


async def _offload(console: Console, bwc: _Bwc, port: PtyPort, out: Path) -> dict[str, Any]:
    columns = (
        TextColumn("   {task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TextColumn("{task.fields[note]}"),
    )
    tasks: dict[int, TaskID] = {}
    notes: dict[int, str] = {}
    here, good = 0, 0  # the recording that is being copied, and its bytes that are verified
    started, pulled = 0, False
    with Progress(*columns, console=console) as bars:
        async for event in bwc.lines("offload", str(out)):
            match event:
                case {"event": "recording_started", "entry": entry}:
                    started += 1
                    sequence = entry["sequence"]
                    tasks[sequence] = bars.add_task(
                        f"recording {sequence}", total=entry["size_bytes"], note=""
                    )
                case {"event": "progress", "recording": sequence, "bytes_done": done}:
                    here, good = sequence, done
                    bars.update(tasks[sequence], completed=done)
                    if started >= PULL_IN and not pulled and done >= CHUNK_SIZE:
                        pulled = True
                        port.pull()
                        bars.update(tasks[sequence], note="[red]cable pulled[/]")
                case {"event": "connection_lost", "attempt": 1}:
                    bars.console.print("   [yellow]the line is dead; the offload tries again by itself[/]")
                case {"event": "reconnected"}:
                    notes[here] = f", {good / CHUNK_SIZE:.1f} MiB kept"
                    bars.update(tasks[here], note=f"[yellow]it is back{notes[here]}[/]")
                case {"event": "recording_finished", "sequence": sequence, "outcome": "stored"}:
                    bars.update(tasks[sequence], note=f"[green]verified[/]{notes.get(sequence, '')}")
                case {"event": "result"}:
                    result = event
    if not pulled or not result["reconnections"]:
        raise StepFailed("the cable was not pulled in time; the footage was too short")
    if not result["complete"]:
        raise StepFailed(f"not everything was stored: {result}")
    return result


def _compare(console: Console, camera: SimCamera, result: dict[str, Any]) -> None:
    """Hashes each file as it lies on disk and compares with the camera's own chunk table."""
    table = Table("recording", "file", "MiB", "chunk table", "as recorded?", box=None, padding=(0, 1, 0, 2))
    for recording in result["recordings"]:
        for number, segment in enumerate(recording["segments"]):
            path = Path(segment["path"])
            hasher = ChunkHasher(CHUNK_SIZE)
            hasher.update(path.read_bytes())
            same = hasher.table() == camera.storage.table(bytes.fromhex(recording["recording"]), number)
            digest = hashlib.sha256(hasher.table()).hexdigest()
            table.add_row(
                str(recording["sequence"]),
                path.name,
                f"{segment['size_bytes'] / CHUNK_SIZE:.2f}",
                digest[:16],
                "[green]yes[/]" if same else "[red]NO[/]",
            )
            if not same:
                raise StepFailed(f"{path} is not what the camera recorded")
    console.print(table)


class _Bwc:
    """Runs the `bwc` command on one device."""

    def __init__(self, console: Console, uri: str, lab: Lab) -> None:
        self._console = console
        self._uri = uri
        assert lab.path is not None
        self._environment = {**os.environ, LAB_ENV: str(lab.path.parent)}

    async def document(self, *words: str, expect: int = 0) -> dict[str, Any]:
        """The JSON document that a command prints; `expect` is what it has to exit with."""
        *_, last = [{}, *[line async for line in self.lines(*words, expect=expect)]]
        return last

    async def lines(self, *words: str, expect: int = 0) -> AsyncIterator[dict[str, Any]]:
        """The JSON lines that a command prints, as they come."""
        self._console.print(f"   [dim]$ bwc {' '.join(words)}[/]")
        command = [sys.executable, "-m", "bwc_sdk", *words, "--device", self._uri, "--lab", "--json"]
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        assert process.stdout is not None and process.stderr is not None
        try:
            async for line in process.stdout:
                yield json.loads(line)
            said = (await process.stderr.read()).decode(errors="replace").strip()
            if await process.wait() != expect:
                raise StepFailed(f"bwc {words[0]} gave {process.returncode}: {said}")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
