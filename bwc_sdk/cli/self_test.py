"""`bwc self-test`."""

from typing import Final

from bwc_protocol.declare import Role, to_plain
from bwc_sdk.camera import Camera
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.facts import facts
from bwc_sdk.cli.output import Output, rows_of
from bwc_sdk.cli.verb import camera_verb, verbs

SELF_TEST_S: Final = 60.0
"""A test writes and reads storage, and records a second of sound: longer than a reply usually takes."""

app = verbs()


@app.command("self-test")
@camera_verb(Role.TECHNICIAN, interrupted="the device finishes the test by itself; it changes no recording")
async def self_test(camera: Camera, output: Output) -> int:
    """Run the device's self-test.

    Changes no recording. Exits with 1 when a step failed.
    """
    connection = camera.connection
    connection.call_timeout_s = max(connection.call_timeout_s, SELF_TEST_S)
    report = await camera.device.self_test()
    output.show(
        {"self_test": to_plain(report)},
        rows_of("self-test", (list(facts(step)) for step in report.steps), empty="no steps"),
    )
    output.note("passed" if report.passed else "FAILED")
    return ExitCode.SUCCESS if report.passed else ExitCode.UNEXPECTED
