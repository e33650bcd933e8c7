"""Configuration: staged whole or not at all, applied in one step, and which codes refuse (spec: Configuration)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.messages.audit import AuditKind, ReadAuditHead
from bwc_protocol.messages.config import (
    AbortConfig,
    ApplyConfig,
    ConfigState,
    ConfigView,
    ReadConfig,
    ReadConfigState,
    ReadSchema,
    Setting,
    SettingSchema,
    SettingType,
    StageConfig,
    TakesEffect,
)
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import logged_since, supported
from hil_tests.verdicts import RuleBroken, not_applicable

NO_SUCH_KEY: Final = "hil.no_such_setting"


def state_of(session: RawSession) -> ConfigState:
    """Where the configuration stands, with nothing staged. Skips where there is none."""
    supported(session, ReadConfigState())
    session.ask(AbortConfig())
    told: ConfigState = session.ask(ReadConfigState())
    return told


def schema_of(session: RawSession) -> list[SettingSchema]:
    """The whole schema."""
    found: list[SettingSchema] = []
    start = 0
    while True:
        page = supported(session, ReadSchema(start=start))
        found += page.settings
        start = page.next
        if not start:
            return found


def a_number(session: RawSession) -> SettingSchema:
    """A setting that is a number with room on both sides, and takes effect at once. Skips without one."""
    for schema in schema_of(session):
        narrow = schema.low >= schema.high or schema.high >= 2**63 - 1 or schema.low <= -(2**63)
        if schema.type is SettingType.INT and schema.takes_effect is TakesEffect.AT_ONCE and not narrow:
            return schema
    not_applicable("the device has no number among its settings")


def number(schema: SettingSchema, value: int) -> Setting:
    """A value of a number."""
    return Setting(key=schema.key, type=SettingType.INT, number=value)


def stage(session: RawSession, revision: int, *settings: Setting) -> int:
    """Sends values. Gives the request's id."""
    return session.request(StageConfig(revision=revision, settings=settings))


def staged(session: RawSession) -> dict[str, int]:
    """What is staged, of numbers."""
    page = session.ask(ReadConfig(view=ConfigView.STAGED))
    return {setting.key: setting.number for setting in page.settings}


def unchanged(session: RawSession, before: ConfigState, rule: str) -> None:
    """The state is as it was. Raises `RuleBroken`."""
    after = session.ask(ReadConfigState())
    if after != before:
        raise RuleBroken(f"{before} after a refusal ({rule})", str(after))


@pytest.mark.rule("CFG-001")
@pytest.mark.rule("CFG-002")
@pytest.mark.rule("MSG-009")
@pytest.mark.parametrize("what", ["an unknown key", "another type", "too small", "too large"])
def test_one_wrong_value_keeps_all_others_of_its_request_out(wire: Wire, what: str) -> None:
    session = wire.session()
    before, schema = state_of(session), a_number(session)
    good = number(schema, schema.low)
    wrong, code = {
        "an unknown key": (replace(good, key=NO_SUCH_KEY), ErrorCode.UNKNOWN_SETTING),
        "another type": (replace(good, type=SettingType.TEXT, text="x", number=0), ErrorCode.WRONG_TYPE),
        "too small": (number(schema, schema.low - 1), ErrorCode.OUT_OF_RANGE),
        "too large": (number(schema, schema.high + 1), ErrorCode.OUT_OF_RANGE),
    }[what]
    others = [s for s in schema_of(session) if s.key != schema.key and s.type is SettingType.INT]
    first = number(others[0], others[0].low) if others else replace(good, key=NO_SUCH_KEY)
    session.refused(stage(session, before.revision, first, wrong), "CFG-002", code)
    unchanged(session, before, "CFG-001")


@pytest.mark.rule("CFG-004")
@pytest.mark.rule("MSG-010")
@pytest.mark.rule("MSG-018")
@pytest.mark.parametrize("what", ["stage", "commit"])
def test_another_revision_is_a_conflict_before_anything_else(wire: Wire, what: str) -> None:
    session = wire.session()
    before = state_of(session)
    wrong = Setting(key=NO_SUCH_KEY, type=SettingType.INT, number=1)
    old = before.revision + 1
    asked = stage(session, old, wrong) if what == "stage" else session.request(ApplyConfig(revision=old))
    session.refused(asked, "CFG-004", ErrorCode.CONFLICT)
    unchanged(session, before, "CFG-004")


@pytest.mark.rule("CFG-008")
def test_a_key_that_comes_twice_is_malformed(wire: Wire) -> None:
    session = wire.session()
    before, schema = state_of(session), a_number(session)
    twice = (number(schema, schema.low), number(schema, schema.high))
    session.refused(stage(session, before.revision, *twice), "CFG-008", ErrorCode.MALFORMED)
    unchanged(session, before, "CFG-008")


@pytest.mark.rule("CFG-009")
def test_a_commit_of_nothing_changes_and_logs_nothing(wire: Wire) -> None:
    session = wire.session()
    before = state_of(session)
    log = head(session)
    after: ConfigState = session.ask(ApplyConfig(revision=before.revision))
    if after != before:
        raise RuleBroken(f"{before} after a commit of nothing (CFG-009)", str(after))
    if head(session) != log:
        raise RuleBroken("no entry of the log for a commit of nothing (CFG-009)", "one")


def head(session: RawSession) -> Any:
    """The newest entry of the log, or None where there is no log."""
    said = session.answer(session.request(ReadAuditHead()))
    return None if said.flags == Flag.ERROR else ReadAuditHead.reply.codec.decode(said.body)


@pytest.mark.rule("CFG-010")
@pytest.mark.rule("MSG-009")
def test_a_later_value_replaces_the_one_before_and_a_refusal_keeps_it(wire: Wire) -> None:
    session = wire.session()
    before, schema = state_of(session), a_number(session)
    for value in (schema.low, schema.high):
        said = session.answer(stage(session, before.revision, number(schema, value)))
        if said.flags == Flag.ERROR:
            raise RuleBroken("a reply to a value within its limits", "an error")
    beyond = stage(session, before.revision, number(schema, schema.high + 1))
    session.refused(beyond, "CFG-002", ErrorCode.OUT_OF_RANGE)
    now = staged(session)
    session.ask(AbortConfig())
    if now != {schema.key: schema.high}:
        raise RuleBroken(f"{schema.key} staged as {schema.high} (CFG-010)", str(now))


@pytest.mark.rule("CFG-006")
@pytest.mark.parametrize("way", ["RESET", "a lost pipe"])
def test_what_was_staged_ends_with_its_conversation(wire: Wire, way: str) -> None:
    session = wire.session()
    before, schema = state_of(session), a_number(session)
    session.answer(stage(session, before.revision, number(schema, schema.low)))
    if staged(session) != {schema.key: schema.low}:
        raise RuleBroken("the value among those that are staged (CFG-001)", str(staged(session)))
    link = session.channel.link
    if way == "RESET":
        session.channel.reset()
        again = wire.conversation(link=link).open()
    else:
        link.close()
        link.pipe.close()
        again = wire.session()
    if now := again.ask(ReadConfigState()).staged:
        raise RuleBroken("nothing staged in a new conversation (CFG-006)", f"{now} settings")


@pytest.mark.rule("CFG-003")
@pytest.mark.rule("CFG-005")
@pytest.mark.rule("AUD-004")
def test_what_is_applied_counts_one_revision_is_logged_and_read_back(wire: Wire) -> None:
    session = wire.session()
    before, schema = state_of(session), a_number(session)
    values = {
        setting.key: setting.number
        for setting in pages(session, ConfigView.PENDING)
        if setting.type is SettingType.INT
    }
    value = schema.low if values[schema.key] != schema.low else schema.high
    log = head(session)
    session.answer(stage(session, before.revision, number(schema, value)))
    after: ConfigState = session.ask(ApplyConfig(revision=before.revision))
    if (after.revision, after.staged) != (before.revision + 1, 0):
        raise RuleBroken(f"revision {before.revision + 1} and nothing staged (CFG-003)", str(after))
    if log is not None and AuditKind.CONFIG_APPLIED not in logged_since(session, log.sequence):
        raise RuleBroken(
            f"an entry {AuditKind.CONFIG_APPLIED} before the commit is answered (AUD-004)", "none"
        )
    now = {setting.key: setting.number for setting in pages(session, ConfigView.PENDING)}
    if now[schema.key] != value:
        raise RuleBroken(f"{schema.key} = {value} (CFG-003)", str(now[schema.key]))


def pages(session: RawSession, view: ConfigView) -> list[Setting]:
    """All values of a view, of one revision."""
    found: list[Setting] = []
    start, revision = 0, None
    while True:
        page = session.ask(ReadConfig(view=view, start=start))
        if revision not in (None, page.revision):
            raise RuleBroken("one revision on all pages, while nothing changes (CFG-005)", "two")
        revision = page.revision
        found += page.settings
        start = page.next
        if not start:
            keys = [setting.key for setting in found]
            if keys != sorted(set(keys)):
                raise RuleBroken("each key once, in their order (CFG-005)", ", ".join(keys))
            present = state_of(session).revision
            if revision != present:
                raise RuleBroken(f"values with their revision, {present} (CFG-005)", str(revision))
            return found


@pytest.mark.rule("CFG-002")
@pytest.mark.rule("MSG-014")
@pytest.mark.parametrize(
    "text", [b"\x00", b"\x1b[2J", b"\xff\xfe", "\u202e".encode()], ids=["NUL", "ESC", "no UTF-8", "override"]
)
def test_text_that_does_not_print_is_malformed(wire: Wire, text: bytes) -> None:
    session = wire.session()
    before = state_of(session)
    good = StageConfig.codec.encode(
        StageConfig(
            revision=before.revision,
            settings=(Setting(key="k" * len(text), type=SettingType.INT, number=1),),
        )
    )
    before_key, _, behind_key = good.rpartition(b"k" * len(text))  # a revision may have such a byte as well
    asked = session.next_id()
    session.say(StageConfig.opcode, before_key + text + behind_key, request=asked)
    session.refused(asked, "MSG-014", ErrorCode.MALFORMED)
    unchanged(session, before, "MSG-014")
