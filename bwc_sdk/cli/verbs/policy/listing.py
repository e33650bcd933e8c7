"""`bwc policy list`, `show` and `schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from bwc_sdk.cli.arguments.policy.options import On, PackName, Packs, day_of, pack_of, require_policy
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb


@local_verb
def listing(settings: Settings, output: Output) -> None:
    """The packs that are shipped: the department's as it was announced, examples, laws and models."""
    require_policy()
    from bwc_sdk.policy.reading import shipped_ids, shipped_pack

    packs = [shipped_pack(one) for one in shipped_ids()]
    output.show(
        {
            "packs": [
                {
                    "id": one.id,
                    "level": str(one.level),
                    "title": one.title,
                    "rules": len(one.rules),
                    "sha256": one.sha256,
                }
                for one in packs
            ]
        },
        Rows(
            title="packs",
            headings=["id", "level", "rules", "title"],
            plain=[[one.id, str(one.level), len(one.rules), one.title] for one in packs],
        ),
    )


@local_verb
def show(
    settings: Settings,
    output: Output,
    pack: PackName,
    on: On = None,
    packs: Packs = None,
    toml: Annotated[
        bool, typer.Option("--toml", help="The file of a shipped pack, to begin one's own with.")
    ] = False,
) -> None:
    """What is in force of a pack on a day, with what it takes over from above; and the hash that names it.

    A camera states id and hash in each manifest, by its settings policy.id and policy.sha256: 'bwc policy compile'
    writes them.
    """
    if toml:
        require_policy()
        from bwc_sdk.policy.reading import shipped_pack, shipped_text

        shipped_pack(pack)
        output.write(shipped_text(pack).decode().rstrip("\n"))
        return
    found, library = pack_of(pack, packs)
    from bwc_sdk.policy.inheritance import effective
    from bwc_sdk.policy.wording import demand_text

    day = day_of(on)
    whole = effective(found, day, library)
    rules = [
        {
            "rule": name,
            "value": demand_text(name, one.demand),
            "status": str(one.status),
            "packs": list(one.packs),
            "citations": [str(citation) for citation in one.citations],
        }
        for name, one in whole.rules.items()
    ]
    head = {
        "id": found.id,
        "title": found.title,
        "level": str(found.level),
        "sha256": found.sha256,
        "on": day.isoformat(),
    }
    remarks = [
        {"trouble": str(one.trouble), "rule": one.rule, "sentence": one.sentence} for one in whole.remarks
    ]
    output.show(
        {"pack": head, "rules": rules, "remarks": remarks},
        Facts("pack", [fact(*one) for one in head.items()]),
        Rows(
            title="rules",
            headings=["rule", "value", "status", "source"],
            plain=[
                [name, demand_text(name, one.demand), str(one.status), "; ".join(map(str, one.citations))]
                for name, one in whole.rules.items()
            ],
            section="rules",
        ),
        Rows(
            title="to be looked at",
            headings=["what", "rule", "why"],
            plain=[[one["trouble"], one["rule"], one["sentence"]] for one in remarks],
            section="remarks",
        ),
    )


@local_verb
def schema(settings: Settings, output: Output) -> None:
    """The JSON Schema of a pack, for editors and other programs."""
    require_policy()
    import json

    from bwc_sdk.policy.pack import pack_schema

    output.write(json.dumps(pack_schema(), sort_keys=True, indent=None if settings.as_json else 2))
