"""`bwc ca init|issue|renew|revoke|list|rotate`: the agency's own small CA (docs/agency.md)."""

from bwc_sdk.cli.running.verb import common_options, verbs
from bwc_sdk.cli.verbs.ca.denying import revoke
from bwc_sdk.cli.verbs.ca.issuing import issue, renew
from bwc_sdk.cli.verbs.ca.keys import init, rotate
from bwc_sdk.cli.verbs.ca.listing import show

app = verbs(
    no_args_is_help=True,
    help="Keep the agency's own small CA.\n\nA directory with a register; 'bwc ca init' says what of it has to be "
    "kept, and where. Its keys are made and used by this Python's own cryptography, not by a validated module: sites "
    "under the CJIS policy use their own CA, by requests (--csr). A key file gives nobody a second factor.",
)
common_options(app)

for _name, _verb in (
    ("init", init),
    ("issue", issue),
    ("renew", renew),
    ("revoke", revoke),
    ("list", show),
    ("rotate", rotate),
):
    app.command(_name)(_verb)
