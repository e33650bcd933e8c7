"""`bwc evidence verify`: what anybody can do with stored footage, without a device (docs/verifying.md)."""

from bwc_sdk.cli.running.verb import common_options, verbs
from bwc_sdk.cli.verbs.evidence.verify import verify

app = verbs(
    no_args_is_help=True,
    help="Verify what is stored, and open it.\n\nNo device is needed.",
)
common_options(app)

for _name, _verb in (("verify", verify),):
    app.command(_name)(_verb)
