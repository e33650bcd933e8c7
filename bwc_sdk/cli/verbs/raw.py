"""`bwc raw`: any declared command, by name; fields, reply and rights come from its declaration."""

import inspect
from typing import Annotated, Any

import typer

from bwc_protocol.declare import ANYONE, COMMANDS, Request, Role, from_text, to_plain
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.cli.printing.facts import facts
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.completion import commands
from bwc_sdk.cli.running.on_camera import run_on_camera, run_on_device, run_on_station
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import UNSURE, local_verb, verbs
from bwc_sdk.clients.connecting import AnyDevice

app = verbs()


@app.command("raw")
@local_verb
def raw(
    settings: Settings,
    output: Output,
    command: Annotated[
        str | None,
        typer.Argument(
            help="Command, such as battery.status; without one, list them all.", autocompletion=commands
        ),
    ] = None,
    fields: Annotated[
        list[str] | None, typer.Argument(metavar="FIELD=VALUE...", help="Its fields; bytes in hexadecimal.")
    ] = None,
) -> int | None:
    """Send one declared command, such as battery.status cell=0.

    For commands that the other verbs do not cover, and for bench work: nothing is checked but the fields.
    """
    if command is None:
        _list(output)
        return None
    kind = _command(command)
    request = parse_request(kind, fields or [])

    async def send(client: AnyDevice, out: Output) -> None:
        reply = await client.connection.call(request)
        out.show({"command": kind.name, "reply": to_plain(reply)}, Facts(kind.name, list(facts(reply))))

    any_role = kind.roles & ANYONE == ANYONE
    if {PeerKind.CAMERA, PeerKind.STATION} <= kind.answered_by:
        return run_on_device(settings, role_for(kind), send, interrupted=UNSURE, any_role=any_role)
    if PeerKind.CAMERA in kind.answered_by:
        return run_on_camera(settings, role_for(kind), send, interrupted=UNSURE, any_role=any_role)
    return run_on_station(settings, role_for(kind), send, interrupted=UNSURE, any_role=any_role)


def _command(name: str) -> type[Request[Any]]:
    for kind in COMMANDS.values():
        if kind.name == name:
            if kind.stream is not None:
                raise typer.BadParameter(f"{name} opens a stream: use {_STREAM_VERBS.get(name, 'the SDK')}")
            return kind
    near = [kind.name for kind in COMMANDS.values() if kind.name.partition(".")[0] == name.partition(".")[0]]
    hint = f"; there are {', '.join(near)}" if near else "; 'bwc raw' lists them"
    raise typer.BadParameter(f"there is no command {name!r}{hint}")


_STREAM_VERBS = {
    "recordings.table": "'bwc offload'",
    "recordings.open": "'bwc offload'",
    "config.upload": "'bwc config apply'",
    "trust.enroll": "'bwc enroll'",
    "trust.renew": "'bwc enroll'",
    "trust.deny_list": "'bwc info': whoever connects carries the newer list",
    "trust.read_deny_list": "'bwc info': whoever connects carries the newer list",
    "trust.order": "'bwc order run'",
    "trust.desired": "'bwc desired'",
    "trust.seize": "'bwc seize'",
}


def parse_request(kind: type[Request[Any]], pairs: list[str]) -> Request[Any]:
    """The request that was typed. Raises `BadParameter` for a field that is unknown, missing or given twice,
    `FieldRangeError` for a value that it cannot carry."""
    specs = kind.codec.fields
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, typed = pair.partition("=")
        if not equals or name not in specs or name in values:
            known = ", ".join(specs) or "no fields"
            raise typer.BadParameter(f"{pair!r}: {kind.name} takes {known}, each once, as FIELD=VALUE")
        values[name] = from_text(f"{kind.name}.{name}", specs[name], typed)
    required = inspect.signature(kind).parameters.values()
    missing = [
        f"{one.name} ({specs[one.name].doc})"
        for one in required
        if one.name not in values and one.default is inspect.Parameter.empty
    ]
    if missing:
        raise typer.BadParameter(f"{kind.name} needs {', '.join(missing)}")
    request: Request[Any] = kind(**values)
    kind.codec.encode(request)  # ranges, before anything is opened
    return request


def role_for(kind: type[Request[Any]]) -> Role:
    """The least role that a command needs: the technician's if it is enough."""
    return next(role for role in Role if role in kind.roles)


def _list(output: Output) -> None:
    kinds = [kind for _, kind in sorted(COMMANDS.items())]
    output.show(
        {
            "commands": [
                {
                    "name": kind.name,
                    "opcode": kind.opcode,
                    "fields": list(kind.codec.fields),
                    "reply": list(kind.reply.codec.fields),
                    "effect": kind.effect.value,
                    "roles": to_plain(kind.roles),
                    "stream": kind.stream.value if kind.stream else None,
                    "doc": kind.codec.doc,
                }
                for kind in kinds
            ]
        },
        Rows(
            title="",
            headings=["command", "fields", "effect", "what it does"],
            plain=[
                [
                    kind.name,
                    " ".join(kind.codec.fields) or "-",
                    kind.effect.value,
                    kind.codec.doc,
                ]
                for kind in kinds
            ],
        ),
    )
