"""`bwc desired sign|show|deliver`."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from bwc_protocol.declare import Role
from bwc_protocol.documents.desired_state import DESIRED_MAX, WORDS_MAX, DesiredState
from bwc_protocol.documents.refusal import DocumentCheck
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.on_camera import run_on_camera
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNSURE, common_options, local_verb, verbs
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.configuration import read_file
from bwc_sdk.clients.known_settings import require_spelt
from bwc_sdk.clients.waiting_settings import not_yet, waiting_of
from bwc_sdk.errors import DocumentError, HostFileError
from bwc_sdk.identity.document_files import read_document, write_document
from bwc_sdk.identity.durable_files import telling_files

app = verbs(
    no_args_is_help=True,
    help="Sign what cameras are to be set to, and deliver it.\n\n"
    "A technician signs, any dock delivers, the camera checks. A directory holds one document a camera, and a dock "
    "needs nothing else.",
)
common_options(app)


@app.command("sign")
@local_verb
def sign(
    settings: Settings,
    output: Output,
    profile: Annotated[
        Path,
        typer.Argument(
            metavar="PROFILE",
            readable=False,
            help="Configuration file (TOML), as 'bwc config show --toml' prints one.",
        ),
    ],
    cameras: Annotated[
        list[str],
        typer.Option(
            "--camera", metavar="IDENTITY", help="Camera that it is for; may be given several times."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            readable=False,
            help="Directory that docks deliver from; made if it is missing.",
        ),
    ],
    officer: Annotated[
        str | None,
        typer.Option(help="Who is to carry it; '' takes it back into the pool. Without: as it is."),
    ] = None,
    unit: Annotated[str, typer.Option(help="Unit of that officer.")] = "",
    counter: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Above that of the camera's last one. Without: one above the file in DIR, or 1. 'bwc raw trust.read' "
            "says which one a camera took last.",
        ),
    ] = None,
    generation: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How often the camera was reset, or left an agency by an order: 'bwc raw trust.read' says it, and so "
            "does the error of one that was signed for another. Without: that of the file in DIR, or 0, never.",
        ),
    ] = None,
) -> None:
    """Sign settings, and an assignment if one is given, for cameras that need not be here.

    Settings that PROFILE does not name stay as they are. Whether a camera has such settings is found when it takes
    them: it takes all or none. Files in DIR of the same cameras are replaced.
    """
    from bwc_sdk.identity.desired import desired_path, next_counter, same_generation, sign_desired

    if unit and not officer:
        raise typer.BadParameter("--unit needs an officer")
    if officer is not None and len(cameras) > 1 and officer:
        raise typer.BadParameter("one officer carries one camera: name one --camera")
    values = read_file(profile)
    require_spelt(values, profile)
    identity = identity_to_sign(settings, Role.TECHNICIAN, None)
    if out.exists():
        _require_directory(out)
    assignment = None if officer is None else (officer, unit)
    signed: list[tuple[str, int, int, Path, bytes]] = []
    for camera in cameras:
        count = next_counter(out, camera) if counter is None else counter
        born = same_generation(out, camera) if generation is None else generation
        document = sign_desired(
            identity,
            camera=camera,
            counter=count,
            generation=born,
            utc_s=int(time.time()),
            settings=values,
            assignment=assignment,
            profile=_profile_name(profile),
        )
        signed.append((camera, count, born, desired_path(out, camera), document))
    with telling_files(out):
        out.mkdir(mode=0o755, parents=True, exist_ok=True)  # docks read it, by whatever user
    for *_, path, document in signed:
        write_document(path, document, over=True)
    output.show(
        {
            "signed": [
                {
                    "camera": camera,
                    "counter": count,
                    "generation": born,
                    "file": str(path),
                    "by": identity.name,
                }
                for camera, count, born, path, _ in signed
            ]
        },
        Rows(
            title="signed",
            headings=["camera", "counter", "generation", "file"],
            plain=[[camera, count, born, str(path)] for camera, count, born, path, _ in signed],
        ),
    )


@app.command("show")
@local_verb
def show(
    settings: Settings,
    output: Output,
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="The desired state.")],
) -> None:
    """What a desired state says. Whether its signature is good is found by the camera."""
    from bwc_sdk.identity.desired import read_state

    told = _told(read_state(read_document(file, DESIRED_MAX)))
    output.show({"desired": told}, Facts("desired state", [fact(*one) for one in _flat(told)]))


@app.command("deliver")
@local_verb
def deliver(
    settings: Settings,
    output: Output,
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", readable=False, help="Directory that 'bwc desired sign' wrote into."),
    ],
) -> int | None:
    """Give the camera what a directory has for it, if that is newer than what it took last.

    Any role may that delivers documents; the camera believes the signature, not the carrier. It takes all of it, or
    nothing.
    """
    from bwc_sdk.identity.desired import read_desired, require_generation

    _require_directory(directory)

    async def work(camera: Camera, out: Output) -> None:
        found = read_desired(directory, camera.identity)
        if found is None:
            out.show({"desired": None}, Facts("desired state", [fact("delivered", False)]))
            out.note(f"{directory} has nothing for {camera.identity}")
            return
        state, document = found
        trust = await camera.trust.read()
        require_generation(state, trust.generation, device=camera.name)
        before = trust.desired_counter
        if before > state.counter:
            raise DocumentError(
                f"it is number {state.counter}, and the camera took number {before} before",
                check=DocumentCheck.COUNTER,
                device=camera.name,
                advice=f"for what it says to count, sign it anew: 'bwc desired sign --counter {before + 1}'",
            )
        await camera.trust.take_desired_state(document)  # the same one again changes nothing
        told = {**_told(state), "taken_before": before, "delivered": before < state.counter}
        out.show({"desired": told}, Facts("desired state", [fact(*one) for one in _flat(told)]))
        if before == state.counter:
            out.note("the camera has taken it before")
        named = {one.key for one in state.settings}
        if later := [one for one in await waiting_of(camera.config) if one.key in named]:
            out.note(not_yet(later))

    return run_on_camera(settings, Role.DOCK_OFFLOAD, work, interrupted=UNSURE)


def _profile_name(path: Path) -> str:
    """What a camera's log calls the profile: the file's name, as far as a text of the protocol may have it."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in path.stem)
    return shown.encode("utf-8", "replace")[:WORDS_MAX].decode("utf-8", "ignore")


def _require_directory(path: Path) -> None:
    if not path.is_dir():
        raise HostFileError(f"{path} is no directory", advice="make it first: mkdir, or name another one")


def _told(state: DesiredState) -> dict[str, Any]:
    assignment = state.assignment
    return {
        "camera": state.camera,
        "counter": state.counter,
        "generation": state.generation,
        "lab": state.lab,
        "profile": state.profile,
        "signed_utc_ns": state.signed_utc_s * 1_000_000_000,
        "settings": {setting.key: setting.value for setting in state.settings},
        "assignment": None
        if assignment is None
        else {"officer": assignment.officer, "unit": assignment.unit},
        "sha256": SignedDocument(state.encode()).sha256.hex(),
    }


def _flat(told: dict[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in told.items():
        if isinstance(value, dict):
            found += [(f"{name}.{key}", one) for key, one in value.items()]
        elif name == "assignment":
            found.append((name, "as it is"))
        else:
            found.append((name, value))
    return found
