"""`bwc self-test`."""

from typing import Final

from bwc_protocol.declare import Role, to_plain
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import facts
from bwc_sdk.cli.printing.output import Output, rows_of
from bwc_sdk.cli.running.verb import device_verb, verbs
from bwc_sdk.clients.connecting import AnyDevice

SELF_TEST_S: Final = 60.0
"""A test writes and reads storage, and records a second of sound: longer than a reply usually takes."""

app = verbs()


@app.command("self-test")
@device_verb(Role.TECHNICIAN, interrupted="the device finishes the test by itself; it changes no recording")
async def self_test(device: AnyDevice, output: Output) -> int:
    """Run the device's self-test.

    Changes no recording, and switches no bay of a docking station, whose own it is unless ?bay=3 behind its URI names
    a camera. Exits with 1 when a step failed.
    """
    return await run_self_test(device, output)


async def run_self_test(device: AnyDevice, output: Output) -> int:
    """Runs and shows it; the exit code."""
    connection = device.connection
    connection.call_timeout_s = max(connection.call_timeout_s, SELF_TEST_S)
    report = await device.device.self_test()
    output.show(
        {"self_test": to_plain(report)},
        rows_of("self-test", (list(facts(step)) for step in report.steps), empty="no steps"),
    )
    output.note("passed" if report.passed else "FAILED")
    return ExitCode.SUCCESS if report.passed else ExitCode.UNEXPECTED
