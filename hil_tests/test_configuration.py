"""A configuration changes whole or not at all, and says when it takes effect (spec: Configuration)."""

import pytest

from bwc_sdk import Capability, ConfigView, ErrorCode, Setting, SettingSchema, SettingType, TakesEffect
from bwc_sdk.clients.configuration import Value, default_of, fit
from bwc_sdk.errors import ConfigError
from bwc_sdk.sync import SyncCamera
from hil_tests.testkit.refusals import refused
from hil_tests.verdicts import not_applicable, not_tested


def _setting(
    camera: SyncCamera, kind: SettingType = SettingType.INT, effect: TakesEffect = TakesEffect.AT_ONCE
) -> tuple[SettingSchema, Value]:
    """A setting of this kind, and a value that fits it and is not the present one."""
    now = camera.config.values(ConfigView.PENDING)
    for schema in camera.config.schema_all():
        if schema.type is not kind or schema.takes_effect is not effect:
            continue
        candidates: list[Value] = [default_of(schema)]
        match kind:
            case SettingType.BOOL:
                candidates += [True, False]
            case SettingType.INT:
                candidates += [schema.low, schema.high]
            case SettingType.CHOICE:
                candidates += schema.choices.split("|")
            case SettingType.TEXT:
                candidates += ["b" * max(1, schema.low), "w" * max(1, schema.low)]
        for value in candidates:
            if value != now[schema.key] and not fit((schema,), {schema.key: value}):
                return schema, value
    not_applicable(f"the device has no {kind.name} setting that takes effect {effect.name}")


def _refused(camera: SyncCamera, *settings: Setting, code: ErrorCode, revision: int | None = None) -> None:
    before = camera.config.state()
    with refused(code):
        camera.config.stage(revision=before.revision if revision is None else revision, settings=settings)
    assert camera.config.state() == before, "a refusal changes nothing"


@pytest.mark.bwc_read_only
def test_the_schema_is_ordered_without_repetition_and_its_defaults_fit_it(camera: SyncCamera) -> None:
    schema = camera.config.schema_all()
    keys = [setting.key for setting in schema]
    assert keys == sorted(set(keys))
    assert fit(schema, {setting.key: default_of(setting) for setting in schema}) == ()
    assert all(setting.doc for setting in schema)


@pytest.mark.bwc_read_only
def test_every_value_that_the_device_has_fits_its_own_schema(camera: SyncCamera) -> None:
    schema = camera.config.schema_all()
    for view in (ConfigView.EFFECTIVE, ConfigView.PENDING):
        values = camera.config.values(view)
        assert set(values) == {setting.key for setting in schema}
        assert fit(schema, values) == ()


@pytest.mark.parametrize("kind", list(SettingType), ids=lambda kind: kind.name.lower())
def test_a_value_of_each_type_is_applied_and_reads_back(camera: SyncCamera, kind: SettingType) -> None:
    schema, value = _setting(camera, kind)
    before = camera.config.state()
    after = camera.config.apply({schema.key: value})
    assert after.revision == before.revision + 1
    assert after.staged == 0
    assert camera.config.values()[schema.key] == value


@pytest.mark.parametrize("effect", [TakesEffect.ON_UNDOCK, TakesEffect.ON_REBOOT], ids=lambda e: e.name)
def test_what_takes_effect_later_is_pending_and_not_effective(
    camera: SyncCamera, effect: TakesEffect
) -> None:
    for kind in SettingType:
        try:
            schema, value = _setting(camera, kind, effect)
            break
        except pytest.skip.Exception:
            continue
    else:
        not_applicable(f"the device has no setting that takes effect {effect.name}")
    docked = camera.device.status().docked
    if effect is TakesEffect.ON_UNDOCK and not docked:
        not_tested("the device is not docked")
    was = camera.config.values()[schema.key]
    after = camera.config.apply({schema.key: value})
    assert camera.config.values(ConfigView.EFFECTIVE)[schema.key] == was
    assert camera.config.values(ConfigView.PENDING)[schema.key] == value
    assert after.pending >= 1
    assert after.effective_revision < after.revision


def test_what_is_staged_is_visible_only_as_staged_and_goes_by_abort(camera: SyncCamera) -> None:
    schema, value = _setting(camera)
    before = camera.config.state()
    effective = camera.config.values()
    staged = Setting(key=schema.key, type=schema.type, number=int(value))
    assert camera.config.stage(revision=before.revision, settings=(staged,)).staged == 1
    assert camera.config.values(ConfigView.STAGED) == {schema.key: value}
    assert camera.config.values() == effective
    camera.config.abort()
    assert camera.config.state() == before


def test_applying_twice_is_safe(camera: SyncCamera) -> None:
    schema, value = _setting(camera)
    camera.config.apply({schema.key: value})
    camera.config.apply({schema.key: value})
    assert camera.config.values()[schema.key] == value


@pytest.mark.bwc_stack
def test_one_bad_value_keeps_all_the_good_ones_out(camera: SyncCamera) -> None:
    schema, value = _setting(camera)
    good = Setting(key=schema.key, type=schema.type, number=int(value))
    bad = Setting(key="no.such.setting", type=SettingType.INT)
    _refused(camera, good, bad, code=ErrorCode.UNKNOWN_SETTING)
    assert camera.config.values(ConfigView.STAGED) == {}


def test_the_device_itself_refuses_a_wrong_type(camera: SyncCamera) -> None:
    schema, _ = _setting(camera)
    _refused(camera, Setting(key=schema.key, type=SettingType.TEXT, text="much"), code=ErrorCode.WRONG_TYPE)


def test_the_device_itself_refuses_values_outside_their_range(camera: SyncCamera) -> None:
    schema, _ = _setting(camera)
    for number in (schema.low - 1, schema.high + 1, 2**63 - 1, -(2**63)):
        setting = Setting(key=schema.key, type=schema.type, number=number)
        _refused(camera, setting, code=ErrorCode.OUT_OF_RANGE)


def test_the_device_itself_refuses_a_choice_that_it_does_not_offer(camera: SyncCamera) -> None:
    schema, _ = _setting(camera, SettingType.CHOICE)
    setting = Setting(key=schema.key, type=schema.type, text="no such choice")
    _refused(camera, setting, code=ErrorCode.OUT_OF_RANGE)


def test_values_chosen_against_an_old_revision_are_a_conflict(camera: SyncCamera) -> None:
    schema, value = _setting(camera)
    revision = camera.config.state().revision
    setting = Setting(key=schema.key, type=schema.type, number=int(value))
    _refused(camera, setting, code=ErrorCode.CONFLICT, revision=revision + 1)
    with refused(ErrorCode.CONFLICT):
        camera.config.commit(revision=revision + 1)


def test_the_host_names_every_problem_before_anything_is_sent(camera: SyncCamera) -> None:
    schema, _ = _setting(camera)
    before = camera.config.state()
    with pytest.raises(ConfigError) as caught:
        camera.config.apply({schema.key: schema.high + 1, "no.such.setting": True})
    assert len(caught.value.problems) == 2
    assert camera.config.state() == before


@pytest.mark.bwc_stack
def test_a_whole_configuration_is_uploaded_as_one_stream(camera: SyncCamera) -> None:
    if not camera.device.capabilities().capabilities & Capability.CONFIG_UPLOAD:
        not_applicable("the device takes no uploads")
    schema, value = _setting(camera)
    values = camera.config.values(ConfigView.PENDING) | {schema.key: value}
    staged = camera.config.upload(values)
    assert staged.staged == len(values)
    camera.config.commit(revision=staged.revision)
    assert camera.config.values()[schema.key] == value
