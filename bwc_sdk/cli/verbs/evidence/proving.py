"""`bwc evidence prove`: whoever holds a recipient's key shows a camera that its footage can be opened."""

from pathlib import Path
from typing import Any

from bwc_protocol.declare import Role
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.running.on_camera import ask_on_terminal, run_on_camera
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNSURE, local_verb
from bwc_sdk.cli.verbs.evidence.decrypting import Keys
from bwc_sdk.clients.camera import Camera


@local_verb
def prove(settings: Settings, output: Output, key: Keys = None) -> int | None:
    """Prove to a camera that what it encrypts can be opened.

    The camera sends random bytes that only the holder of a recipient's key can give back, and keeps when that was. The
    key stays on this host. Of several keys each that the camera encrypts for is proved. Without --key it is the key in
    the directory of --identity, or in this host's.
    """

    async def work(camera: Camera, out: Output) -> None:
        await _prove(camera, out, tuple(key or ()), settings.identity)

    return run_on_camera(settings, Role.TECHNICIAN, work, interrupted=UNSURE)


async def _prove(camera: Camera, output: Output, key: tuple[Path, ...], identity: Path | None) -> None:
    from bwc_protocol.evidence import sealing
    from bwc_protocol.vocabulary import ErrorCode
    from bwc_sdk.errors import CommandError, IdentityMissing
    from bwc_sdk.evidence.recipient_keys import keys_at_hand

    proved: list[tuple[str, Any]] = []
    shown = camera.peer.certificate
    lab = shown is not None and bool(shown.lab) and not key and identity is None
    keys = keys_at_hand(key, None if key else identity, lab=lab, ask=ask_on_terminal)
    for one in keys:
        try:
            proved.append((one.name, await camera.trust.prove_opening(one, camera.peer.identity)))
        except CommandError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
    if not proved:
        names = ", ".join(
            f"{one.name} ({sealing.recipient_id(one.key.public_key()).hex()[:16]}…)" for one in keys
        )
        raise IdentityMissing(
            f"the camera encrypts nothing for {names}",
            advice="name the key file of one of its recipients: --key evidence-recipient.p12",
        )
    output.show(
        {
            "proved": [
                {
                    "name": name,
                    "recipient": proof.recipient.hex(),
                    "utc_ns": proof.utc_ns,
                    "powered_min": proof.powered_min,
                }
                for name, proof in proved
            ]
        },
        Rows(
            title="",
            headings=["recipient", "key", "proved at, by the camera (UTC ns)"],
            plain=[[name, proof.recipient.hex(), proof.utc_ns] for name, proof in proved],
            shown=[[name, f"{proof.recipient.hex()[:16]}…", str(proof.utc_ns)] for name, proof in proved],
        ),
    )
