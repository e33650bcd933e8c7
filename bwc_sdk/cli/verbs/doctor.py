"""`bwc doctor`."""

from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.doctor import State, examine

app = verbs()


@app.command("doctor")
@local_verb
def doctor(settings: Settings, output: Output) -> int:
    """Check what this host needs: parts, ports, permissions, adapters.

    Changes nothing. Exits with 1 only when something is broken that everybody needs.
    """
    checks = list(examine())
    output.show(
        {
            "checks": [
                {"name": one.name, "state": one.state.value, "found": one.found, "advice": one.advice}
                for one in checks
            ]
        },
        Rows(
            title="",
            headings=["check", "state", "found", "advice"],
            plain=[[one.name, one.state.value, one.found, one.advice or "-"] for one in checks],
        ),
    )
    broken = any(one.state is State.BROKEN for one in checks)
    return ExitCode.UNEXPECTED if broken else ExitCode.SUCCESS
