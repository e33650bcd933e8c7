"""`bwc identity`: what this host can prove to devices."""

from __future__ import annotations

import time
from typing import Any

from bwc_protocol.declare import Role
from bwc_protocol.word import label
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import NOTHING, fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.on_camera import ask_on_terminal, role_for
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import common_options, local_verb, verbs
from bwc_sdk.connection.validity import day, days_left
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.identity_directory import IdentityDirectory
from bwc_sdk.identity.inspection import Finding, inspect_directory
from bwc_sdk.identity.lookup import Identities, find_identity, identity_for, own_identity

app = verbs(no_args_is_help=True, help="Show and check what this host can prove to devices.")
common_options(app)


@app.command("show")
@local_verb
def show(settings: Settings, output: Output) -> None:
    """By which identity this host speaks in a role, and where it comes from.

    --role names the role; technician where it does not. The same as for any verb decides: --identity, BWC_IDENTITY,
    the user's configuration, else the lab.
    """
    found = _found(settings)
    if found is None:
        facts = {"source": "nothing: the insecure session", "name": own_identity()}
        output.show({"identity": facts}, Facts("identity", [fact(*one) for one in facts.items()]))
        return
    told = identity_facts(identity_for(found, role_for(settings, Role.TECHNICIAN), time.time()), time.time())
    output.show(
        {"identity": told}, Facts("identity", [fact(*one) for one in told.items() if one[1] is not None])
    )


@app.command("list")
@local_verb
def list_verb(settings: Settings, output: Output) -> None:
    """The key files of this host: role, name, agency, and how long each is good.

    One that does not open is listed with what is wrong; 'bwc identity check' says what mends it.
    """
    found = _found(settings)
    if isinstance(found, IdentityDirectory):
        now = time.time()
        files = [one for one in inspect_directory(found, now) if one.what not in _BESIDE]
        _table(output, [_row(one, now) for one in files], "key_files")
        return
    if found is None:
        output.note(
            "asked for by --allow-insecure: sessions that protect nothing, with simulators and development firmware"
        )
        _table(output, [], "key_files")
        return
    roles = [role for role in Role if role not in (Role.EVIDENCE_RECIPIENT, Role.ENROLLER)]
    output.note(f"{found.source} has an identity for every role")
    _table(
        output,
        [_of_identity(label(role), identity_for(found, role, time.time())) for role in roles],
        "key_files",
    )


@app.command("check")
@local_verb
def check(settings: Settings, output: Output) -> int:
    """Check every file of this host's identity: rights, passphrases, chains, deny list, and what ends soon.

    Changes nothing. Exits with 17 when something is not as it should be.
    """
    found = _found(settings)
    if not isinstance(found, IdentityDirectory):
        output.note("there is no identity directory: nothing to be checked")
        _findings(output, [])
        return ExitCode.SUCCESS
    findings = list(inspect_directory(found, time.time()))
    _findings(output, findings)
    return ExitCode.BAD_IDENTITY if any(one.problem for one in findings) else ExitCode.SUCCESS


_BESIDE = ("directory", "agency", "deny-list")


def _found(settings: Settings) -> Identities | None:
    return find_identity(
        settings.identity, lab=settings.lab, allow_insecure=settings.allow_insecure, ask=ask_on_terminal
    )


def identity_facts(identity: HostIdentity, utc_s: float) -> dict[str, Any]:
    """What is told of an identity of this host."""
    certificate = identity.certificate
    return {
        "source": identity.source,
        "name": identity.name,
        "agency": identity.agency,
        "lab": identity.lab,
        "roles": [label(role) for role in identity.roles],
        "ends": day(certificate.not_after_s),
        "days_left": days_left(certificate, utc_s),
        "key_sha256": certificate.key_sha256.hex(),
        "deny_list": identity.deny_lists.counter,
    }


_COLUMNS = ("role", "name", "agency", "lab", "ends", "days_left", "file", "problem")


def _row(found: Finding, utc_s: float) -> dict[str, Any]:
    leaf = found.certificate
    return {
        "role": found.what,
        "name": leaf.name if leaf else None,
        "agency": leaf.agency if leaf else None,
        "lab": leaf.lab if leaf else None,
        "ends": day(leaf.not_after_s) if leaf else None,
        "days_left": days_left(leaf, utc_s) if leaf else None,
        "file": str(found.path),
        "problem": found.problem,
    }


def _of_identity(role: str, identity: HostIdentity) -> dict[str, Any]:
    certificate = identity.certificate
    return {
        "role": role,
        "name": identity.name,
        "agency": identity.agency,
        "lab": identity.lab,
        "ends": day(certificate.not_after_s),
        "days_left": days_left(certificate, time.time()),
        "file": identity.source,
        "problem": "",
    }


def _table(output: Output, rows: list[dict[str, Any]], name: str) -> None:
    plain = [[NOTHING if row[one] in (None, "") else row[one] for one in _COLUMNS] for row in rows]
    headings = [one.replace("_", " ") for one in _COLUMNS]
    output.show({name: rows}, Rows(title="", headings=headings, plain=plain, empty="no key files"))


def _findings(output: Output, findings: list[Finding]) -> None:
    output.show(
        {
            "findings": [
                {"what": one.what, "path": str(one.path), "problem": one.problem, "advice": one.advice}
                for one in findings
            ]
        },
        Rows(
            title="",
            headings=["what", "state", "file", "problem", "advice"],
            plain=[
                [
                    one.what,
                    "bad" if one.problem else "good",
                    one.path,
                    one.problem or NOTHING,
                    one.advice or NOTHING,
                ]
                for one in findings
            ],
            empty="nothing to be checked",
        ),
    )
