"""`bwc config show|get|set|apply|diff`."""

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from bwc_protocol.declare import Role, to_plain
from bwc_protocol.messages.config import ConfigState, ConfigView, SettingSchema, SettingType
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import facts
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.completion import settings as setting_names
from bwc_sdk.cli.running.completion import settings_to_set
from bwc_sdk.cli.running.on_camera import run_on_camera
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNCHANGED, camera_verb, common_options, local_verb, verbs
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.configuration import Value, default_of, fit, parse_value, read_file, to_toml
from bwc_sdk.clients.waiting_settings import remedy, waiting_of
from bwc_sdk.errors import ConfigError

APPLYING = "all of it was applied or nothing; 'bwc config show --view pending' says which"


class ViewName(enum.StrEnum):
    """Which values are read."""

    EFFECTIVE = "effective"
    PENDING = "pending"
    STAGED = "staged"


app = verbs(no_args_is_help=True, help="Read, compare and change the configuration.")
common_options(app)


@app.command("show")
@camera_verb(Role.TECHNICIAN, any_role=True)
async def show(
    camera: Camera,
    output: Output,
    view: Annotated[
        ViewName, typer.Option(help="Values in effect, applied, or only staged.")
    ] = ViewName.EFFECTIVE,
    toml: Annotated[bool, typer.Option("--toml", help="Print a file that 'config apply' takes.")] = False,
) -> None:
    """Every setting with its value; on a terminal, or with --json, also what it takes and its default.

    In a pipe it is one line a setting, its name and its value.
    'bwc config show --toml > FILE' and 'bwc config apply FILE' are each other's reverse.
    """
    values = await camera.config.values(ConfigView[view.name])
    if toml and not output.as_json:
        output.write(to_toml(values).removesuffix("\n"))
        return
    schema = {setting.key: setting for setting in await camera.config.schema_all()}
    state = await camera.config.state()
    output.show(
        {
            "view": view.value,
            "state": to_plain(state),
            "settings": values,
            "schema": [to_plain(setting) for setting in schema.values()],
        },
        Rows(
            title=f"{view.value} configuration",
            headings=["setting", "value", "meaning", "takes", "default", "in effect"],
            plain=[[key, value] for key, value in values.items()],
            shown=[[key, _typed(value), *_about(schema.get(key))] for key, value in values.items()],
        ),
    )
    if state.pending or state.staged:
        count = "1 setting is" if state.pending == 1 else f"{state.pending} settings are"
        output.note(f"{count} pending, {state.staged} staged")


@app.command("get")
@camera_verb(Role.TECHNICIAN, any_role=True)
async def get(
    camera: Camera,
    output: Output,
    key: Annotated[
        str, typer.Argument(help="Setting, such as recording.pre_event_s.", autocompletion=setting_names)
    ],
    view: Annotated[ViewName, typer.Option(help="In effect, or applied.")] = ViewName.EFFECTIVE,
) -> None:
    """The value of one setting, and nothing else."""
    values = await camera.config.values(ConfigView[view.name])
    if key not in values:
        problems = fit(await camera.config.schema_all(), {key: ""})
        raise ConfigError(problems or (f"{key}: has no {view.value} value",), device=camera.name)
    if output.as_json:
        output.show({"key": key, "view": view.value, "value": values[key]})
    else:
        output.line(_typed(values[key]))


@app.command("set")
@local_verb
def set_values(
    settings: Settings,
    output: Output,
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE...", help="Settings and their new values.", autocompletion=settings_to_set
        ),
    ],
) -> int | None:
    """Change settings, all of them or none."""
    typed = _typed_pairs(pairs)

    async def work(camera: Camera, out: Output) -> None:
        schema = {setting.key: setting for setting in await camera.config.schema_all()}
        values: dict[str, Value] = {}
        problems: list[str] = []
        for key, text in typed.items():
            try:
                values[key] = parse_value(schema[key], text) if key in schema else text
            except ConfigError as error:
                problems += error.problems
        problems += fit(schema.values(), {key: value for key, value in values.items() if key not in schema})
        if problems:
            raise ConfigError(tuple(problems), device=camera.name)
        await _apply(camera, out, values)

    return run_on_camera(settings, Role.TECHNICIAN, work, interrupted=APPLYING)


def _typed_pairs(pairs: list[str]) -> dict[str, str]:
    """Raises `BadParameter`."""
    typed: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} is not KEY=VALUE")
        if key in typed:
            raise typer.BadParameter(f"{key} is given twice")
        typed[key] = value
    return typed


@app.command("apply")
@local_verb
def apply(
    settings: Settings,
    output: Output,
    file: Annotated[
        Path,
        typer.Argument(readable=False, help="TOML file; settings that it does not name stay as they are."),
    ],
) -> int | None:
    """Check a file against the device's schema, apply it in one transaction and read it back."""
    values = read_file(file)

    async def work(camera: Camera, out: Output) -> None:
        await _apply(camera, out, values)

    return run_on_camera(settings, Role.TECHNICIAN, work, interrupted=APPLYING)


@app.command("diff")
@local_verb
def diff(
    settings: Settings,
    output: Output,
    file: Annotated[Path, typer.Argument(readable=False, help="TOML file to compare with.")],
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code",
            help="Exit with 1 when the device will not do what FILE says. What was applied and only takes effect "
            "later is listed, and is no difference.",
        ),
    ] = False,
) -> int | None:
    """Compare a file with what the device does now and what it will do.

    Lists the settings of FILE whose effective or pending value is another: once FILE was applied, those that take
    effect later.
    """
    wanted = read_file(file)

    async def work(camera: Camera, out: Output) -> int:
        differing = await _diff(camera, out, wanted)
        return ExitCode.UNEXPECTED if differing and exit_code else ExitCode.SUCCESS

    return run_on_camera(settings, Role.TECHNICIAN, work, interrupted=UNCHANGED, any_role=True)


async def _diff(camera: Camera, output: Output, wanted: Mapping[str, Value]) -> bool:
    """Shows the settings that differ; whether any will when all that is pending has taken effect."""
    await camera.config.check(wanted)
    effective = await camera.config.values(ConfigView.EFFECTIVE)
    pending = await camera.config.values(ConfigView.PENDING)
    differing = [
        key for key, value in wanted.items() if effective.get(key) != value or pending.get(key) != value
    ]
    output.show(
        {
            "differences": [
                {
                    "key": key,
                    "file": wanted[key],
                    "effective": effective.get(key),
                    "pending": pending.get(key),
                }
                for key in differing
            ]
        },
        Rows(
            title="",
            headings=["setting", "file", "effective", "pending"],
            plain=[[key, wanted[key], effective.get(key), pending.get(key)] for key in differing],
            shown=[
                [key, _typed(wanted[key]), _typed(effective.get(key)), _typed(pending.get(key))]
                for key in differing
            ],
            empty="no differences",
        ),
    )
    later = [key for key in differing if pending.get(key) == wanted[key]]
    if later and not output.as_json:
        waits = [one for one in await waiting_of(camera.config) if one.key in later]
        output.note(f"applied, and in effect later: {', '.join(later)}; {remedy(waits)}")
    return len(later) < len(differing)


async def _apply(camera: Camera, output: Output, values: Mapping[str, Value]) -> None:
    before = await camera.config.state()
    state: ConfigState = await camera.config.apply(values)
    changed = state.revision != before.revision
    document = {"state": to_plain(state), "applied": values, "changed": changed}
    output.show(document, Facts("applied" if changed else "configuration", list(facts(state))))
    later = await waiting_of(camera.config) if state.pending and not output.as_json else ()
    ours = [one for one in later if one.key in values]
    others = [one.key for one in later if one.key not in values]
    if not changed:
        more = ", of which some are not in effect yet" if ours else ""
        output.note(f"nothing to change: the device has these values already{more}")
    if ours:
        takes = "takes" if len(ours) == 1 else "take"
        output.note(f"{takes} effect later: {', '.join(one.named for one in ours)}; {remedy(ours)}")
    if others:
        output.note(f"pending since before: {', '.join(others)}")


def _typed(value: Value | None) -> str:
    if value is None:
        return "unknown"
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _about(schema: SettingSchema | None) -> list[str]:
    if schema is None:
        return ["unknown"] * 4  # of a device that has a value for what it does not list
    takes = {
        SettingType.BOOL: "true, false",
        SettingType.CHOICE: schema.choices.replace("|", ", "),
        SettingType.TEXT: f"text of {schema.low} to {schema.high} bytes",
        SettingType.INT: f"{schema.low} to {schema.high} {schema.unit}".rstrip(),
    }
    kind = takes.get(schema.type, "unknown") if isinstance(schema.type, SettingType) else str(schema.type)
    return [schema.doc, kind, _typed(default_of(schema)), str(to_plain(schema.takes_effect))]
