"""`bwc policy …`: policies as data (docs/policy.md)."""

from bwc_sdk.cli.running.verb import common_options, verbs
from bwc_sdk.cli.verbs.policy.checking import check
from bwc_sdk.cli.verbs.policy.comparing import diff
from bwc_sdk.cli.verbs.policy.linting import compile_, lint
from bwc_sdk.cli.verbs.policy.listing import listing, schema, show
from bwc_sdk.cli.verbs.policy.summarising import report, summarise
from bwc_sdk.cli.verbs.policy.waiving import waive

app = verbs(
    no_args_is_help=True,
    help="Hold policies against one another, and cameras against their policy.\n\nA policy is a pack: a TOML file of "
    "rules with their sources. Most verbs need no device. A pack is named by its file, or by the id of one that is "
    "shipped ('bwc policy list').",
)
common_options(app)

for _name, _verb in (
    ("list", listing),
    ("show", show),
    ("schema", schema),
    ("lint", lint),
    ("diff", diff),
    ("waive", waive),
    ("compile", compile_),
    ("check", check),
    ("summarise", summarise),
    ("report", report),
):
    app.command(_name)(_verb)
