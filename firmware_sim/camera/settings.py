"""The camera's configuration: effective, pending and staged values (spec: Configuration).

`stage` validates, `commit` applies everything that is staged or nothing, and a value that takes effect later
is pending until `take_effect` says that its moment has come. What is applied is kept in one atomic write, so
that it survives a power cut whole or not at all; what is staged does not outlive its session.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from bwc_protocol.messages.config import ConfigState, ConfigView, Setting, TakesEffect
from bwc_protocol.versions import NEWEST, Version
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.setting_rules import RULES, SettingRule, Value
from firmware_sim.device.refusal import Refusal
from firmware_sim.state.commit import Change
from firmware_sim.state.directory import StateDirectory
from firmware_sim.state.kept_values import U32_MAX, part_of, whole

STATE_NAME: Final = "settings"
KEPT: Final = ("revision", "effective_revision", "effective", "pending")
Keep = Callable[[tuple[Change, ...]], object]
"""Keeps changes on the flash, perhaps together with others. Raises `OSError` if it cannot."""


class Settings:
    """All settings of one camera, on its flash; without `directory` on one of their own.

    Those that a camera that `speaks` an older version does not have are at their defaults, and nobody is told of them.
    """

    def __init__(
        self,
        rules: Mapping[str, SettingRule] = RULES,
        directory: StateDirectory | None = None,
        *,
        speaks: Version = NEWEST,
    ) -> None:
        self.rules = {key: rule for key, rule in rules.items() if rule.since <= speaks}
        self.revision = 1
        self._effective_revision = 1
        self._directory = directory if directory is not None else StateDirectory()
        self._effective: dict[str, Value] = {key: rule.default for key, rule in rules.items()}
        self._pending: dict[str, Value] = {}
        self._staged: dict[str, Value] = {}
        kept = self._directory.load(STATE_NAME)
        if kept is not None:
            self._restore(kept)

    # Reading

    def __getitem__(self, key: str) -> Value:
        """The effective value."""
        return self._effective[key]

    def number(self, key: str) -> int:
        """The effective value of an int."""
        return int(self._effective[key])

    def text(self, key: str) -> str:
        """The effective value of a choice or a text."""
        return str(self._effective[key])

    def view(self, view: ConfigView) -> list[Setting]:
        """The values of one view as they go over the wire, in the order of their keys."""
        values = {
            ConfigView.EFFECTIVE: self._effective,
            ConfigView.PENDING: self._effective | self._pending,
            ConfigView.STAGED: self._staged,
        }[view]
        return [rule.to_wire(values[key]) for key, rule in self.rules.items() if key in values]

    def staged(self) -> list[Setting]:
        """What is staged."""
        return self.view(ConfigView.STAGED)

    def state(self) -> ConfigState:
        """Revision, and how much is staged or pending."""
        return ConfigState(
            revision=self.revision,
            effective_revision=self._effective_revision,
            staged=len(self._staged),
            pending=len(self._pending),
        )

    # Changing

    def stage(self, revision: int, settings: Iterable[Setting]) -> None:
        """Adds values to what is staged, all or none.

        Raises `Refusal`: CONFLICT, UNKNOWN_SETTING, WRONG_TYPE, OUT_OF_RANGE, MALFORMED for a key given twice.
        """
        self.check_revision(revision)
        self._staged |= self._accepted(settings)

    def _accepted(self, settings: Iterable[Setting]) -> dict[str, Value]:
        accepted: dict[str, Value] = {}
        for setting in settings:
            rule = self.rules.get(setting.key)
            if rule is None:
                raise Refusal(ErrorCode.UNKNOWN_SETTING, setting.key)
            if setting.key in accepted:
                raise Refusal(ErrorCode.MALFORMED, f"{setting.key} is given twice")
            accepted[setting.key] = rule.accept(setting)
        return accepted

    def commit(self, revision: int, keep: Keep | None = None) -> bool:
        """Applies everything that is staged; returns whether there was anything.

        Raises `Refusal` (CONFLICT), and what `keep` raises: then nothing was applied, and it is still staged.
        """
        self.check_revision(revision)
        if not self._staged:
            return False
        self._apply(self._staged, keep)
        self._staged.clear()
        return True

    def apply_at_once(self, settings: Iterable[Setting], keep: Keep) -> None:
        """Applies values that nobody staged; what is staged stays. `keep` is called even if there are none.

        Raises `Refusal` as `stage` does, and what `keep` raises: then nothing was applied.
        """
        accepted = self._accepted(settings)
        if accepted:
            self._apply(accepted, keep)
        else:
            keep(())

    def _apply(self, values: Mapping[str, Value], keep: Keep | None) -> None:
        effective, pending = dict(self._effective), dict(self._pending)
        for key, value in values.items():
            if self.rules[key].takes_effect is TakesEffect.AT_ONCE:
                effective[key] = value
            elif value == effective[key]:
                pending.pop(key, None)  # back to what is in effect: nothing is left to wait for
            else:
                pending[key] = value
        self._adopt(effective, pending, self.revision + 1, keep)

    def abort(self) -> None:
        """Drops everything that is staged."""
        self._staged.clear()

    def take_effect(self, *moments: TakesEffect) -> bool:
        """One of `moments` has come: pending values of that kind become effective. Says whether any did."""
        due = {k: v for k, v in self._pending.items() if self.rules[k].takes_effect in moments}
        if not due:
            return False
        pending = {key: value for key, value in self._pending.items() if key not in due}
        self._adopt(self._effective | due, pending, self.revision)
        return True

    def check_revision(self, revision: int) -> None:
        """Raises `Refusal` (CONFLICT) unless `revision` is the present one."""
        if revision != self.revision:
            raise Refusal(ErrorCode.CONFLICT, f"the revision is {self.revision}, not {revision}")

    def _adopt(
        self,
        effective: dict[str, Value],
        pending: dict[str, Value],
        revision: int,
        keep: Keep | None = None,
    ) -> None:
        effective_revision = self._effective_revision if pending else revision
        # Kept before it is in force: a device that applied what it then forgets has two truths.
        kept = {
            "revision": revision,
            "effective_revision": effective_revision,
            "effective": effective,
            "pending": pending,
        }
        change = self._directory.part(STATE_NAME, kept)
        if keep is not None:
            keep((change,))
        else:
            self._directory.commits.commit(change)
        self._effective, self._pending = effective, pending
        self.revision, self._effective_revision = revision, effective_revision

    def _restore(self, kept: dict[str, Any]) -> None:
        """Takes what an earlier run kept; a setting that this firmware no longer has or allows is dropped."""
        part_of(kept, "the configuration", KEPT)
        self.revision = whole(kept, "revision", 1, U32_MAX)
        self._effective_revision = whole(kept, "effective_revision", 1, self.revision)
        self._effective |= self._fitting(kept["effective"])
        self._pending = self._fitting(kept["pending"])

    def _fitting(self, values: object) -> dict[str, Value]:
        known = part_of(values, "the configuration", (), later=values if isinstance(values, dict) else ())
        return {k: v for k, v in known.items() if k in self.rules and self.rules[k].allows(v)}
