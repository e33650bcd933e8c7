"""`bwc evidence …`: what anybody can do with stored footage, without a device (docs/verifying.md)."""

from bwc_sdk.cli.running.verb import common_options, verbs
from bwc_sdk.cli.verbs.evidence.checkpointing import checkpoint
from bwc_sdk.cli.verbs.evidence.decrypting import decrypt
from bwc_sdk.cli.verbs.evidence.deriving import derive
from bwc_sdk.cli.verbs.evidence.exporting import export
from bwc_sdk.cli.verbs.evidence.find import find
from bwc_sdk.cli.verbs.evidence.index import index
from bwc_sdk.cli.verbs.evidence.proving import prove
from bwc_sdk.cli.verbs.evidence.show import show
from bwc_sdk.cli.verbs.evidence.verify import verify

app = verbs(
    no_args_is_help=True,
    help="Verify what is stored, look into it, and open it.\n\nNo device is needed.",
)
common_options(app)

for _name, _verb in (
    ("verify", verify),
    ("decrypt", decrypt),
    ("prove", prove),
    ("show", show),
    ("find", find),
    ("index", index),
    ("checkpoint", checkpoint),
    ("derive", derive),
    ("export", export),
):
    app.command(_name)(_verb)
