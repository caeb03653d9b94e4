"""Rules, asked again: what they decide now about what was recorded.

These are the rules that counted when it was recorded, as the recording has their text, and what
they remember goes on as recorded. `trying_rules` tries others.
"""

from collections.abc import Callable
from typing import Any, Final, final

import attrs
from attrs import frozen

from hookflash.engine.replaying.comparing import Difference, as_json, differences
from hookflash.engine.rulings import SETS_MAX
from hookflash.machines.errors import HookflashError
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Step
from hookflash.machines.records import RulesChange
from hookflash.machines.rules.decision import Decision
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired, event_of, facts_of
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory
from hookflash.machines.rules.planning import planned
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.rules.ruling import Ruling

LOADED: Final = "rules_loaded"
"""The event that carries an interaction over to other rules, as the live engine posts it."""

ReadRules = Callable[[str, str], Rules]
"""`read(text, place)` returns the rules of a text; it raises a `HookflashError` where it cannot."""


@frozen
class Judged:
    """What rules decide now, beside what was recorded.

    Attributes:
        ruling: What they decide; None where nothing comes of asking them.
        differences: Where it is not as recorded.
    """

    ruling: Ruling | None
    differences: tuple[Difference, ...] = ()


UNASKED: Final = Judged(None)
"""No rules count."""


@final
class RecordedRules:
    """The rules that counted when it was recorded.

    Args:
        read: Reads their text.

    Attributes:
        rules: Those that count; None for none.
        readable: Whether they can be read today; their verdicts are not compared otherwise.
        notices: What is to be known about them, each once.
    """

    def __init__(self, read: ReadRules) -> None:
        self._read = read
        self._sets: dict[str, Rules] = {}
        self._digest: str = ""
        self.rules: Rules | None = None
        self.readable: bool = True
        self.notices: dict[str, None] = {}

    @property
    def silent(self) -> bool:
        """Whether no rules count, and none were recorded to count."""
        return self.rules is None and self.readable

    @property
    def digest(self) -> str:
        """The digest of the rules that count; empty for none."""
        return self._digest

    def state(self) -> tuple[Any, ...]:
        """Return what counts, for `restore`."""
        return self.rules, dict(self._sets), self._digest, self.readable

    def restore(self, state: tuple[Any, ...]) -> None:
        """Let count what counted when `state` was asked."""
        self.rules, sets, self._digest, self.readable = state
        self._sets = dict(sets)

    def change(self, change: RulesChange, place: str) -> None:
        """Let other rules count from here on."""
        if change.digest == self._digest:
            return
        self._digest, self.readable = change.digest, True
        self.rules = None
        if not change.digest:
            return
        try:
            rules = self._read(change.text, f"{place}: rules {change.digest[:12]}")
        except HookflashError as error:
            self.readable = False
            self.notices[
                f"{place}: the rules that count from here on cannot be read today, and what they"
                f" decided is not compared: {error.message}"
            ] = None
            return
        self.rules = rules
        # As the live engine remembers them, for interactions that were not carried over yet.
        self._sets.pop(change.digest, None)
        self._sets[change.digest] = rules
        while len(self._sets) > SETS_MAX:
            del self._sets[next(iter(self._sets))]

    def after(  # noqa: PLR0917 - all that they are told
        self,
        interaction: Interaction[Any],
        org: str | None,
        source: str,
        event: Any,  # noqa: ANN401 - any of the machine's events
        step: Step[Any],
        recorded: Any,  # noqa: ANN401 - JSON
    ) -> Judged:
        """Ask about a step of the machine.

        Args:
            interaction: As it stands after the step, with what its rules remembered before it.
            org: Its organisation, as far as it is known.
            source: Its state before the step.
            event: What was stepped.
            step: What it did.
            recorded: What rules decided when it was recorded, as JSON; None for nothing.
        """
        rules = self.rules
        if rules is None:
            return self._unasked(recorded)
        told = event_of(source, event, step)
        return self._compared(rules.evaluate, interaction, org, told, recorded)

    def about(
        self,
        interaction: Interaction[Any],
        org: str | None,
        about: RuleEvent | RuleTimerFired,
        recorded: Any,  # noqa: ANN401 - JSON
    ) -> Judged:
        """Ask about something that is no step; arguments as for `after`."""
        rules = self.rules
        if rules is None:
            return self._unasked(recorded)
        if isinstance(about, RuleEvent) and about.name == LOADED:
            kept = interaction.rules
            previous = None if kept is None else self._sets.get(kept.under)

            def adopt(facts: Any, told: Any, memory: RuleMemory) -> Decision:  # noqa: ANN401 - the event from above
                return rules.adopt(facts, told.at, memory, previous)

            return self._compared(adopt, interaction, org, about, recorded)
        return self._compared(rules.evaluate, interaction, org, about, recorded)

    def _unasked(self, recorded: Any) -> Judged:  # noqa: ANN401 - JSON
        if recorded is None or not self.readable:
            return UNASKED
        return Judged(None, (("rules", recorded, None),))

    def _compared(
        self,
        evaluate: Callable[[Any, Any, RuleMemory], Decision],
        interaction: Interaction[Any],
        org: str | None,
        told: RuleEvent | RuleTimerFired,
        recorded: Any,  # noqa: ANN401 - JSON
    ) -> Judged:
        kept = interaction.rules
        memory = NO_MEMORY if kept is None else kept.memory
        org = org if recorded is None else recorded.get("org")
        try:
            decision = evaluate(facts_of(interaction, org), told, memory)
        except Exception as error:  # noqa: BLE001 - as the live engine: a bug of ours stops nothing
            failed = f"the rules fail: {type(error).__name__}: {error}"
            return Judged(None, (("rules", recorded, failed),))
        ruling = planned(decision, kept, org, _ids(recorded)).ruling
        now = None if ruling is None else as_json(ruling.to_json())
        if now == recorded:
            return Judged(ruling)
        return Judged(ruling, tuple(differences(recorded, now, "rules")))


def _ids(recorded: Any) -> Callable[[], str]:  # noqa: ANN401 - JSON
    """Give the ids of actions as they were recorded, because the engine draws them."""
    ids = () if recorded is None else (str(one["id"]) for one in recorded.get("actions", ()))
    following = iter(ids)
    return lambda: next(following, "")


# --- how rules differ -----------------------------------------------------------------------------

_PARTS = {
    "trigger": "trigger",
    "stay": "for",
    "windows": "temporal conditions",
    "absence": "not_within",
    "once_within_us": "once_within",
    "condition": "condition",
    "actions": "actions",
    "mode": "mode",
    "enabled": "enabled",
    "shadow": "shadow",
}


def rule_change(name: str, before: Rules | None, after: Rules | None) -> str:
    """Say in a sentence how a rule differs between two sets; empty where it does not."""
    old = None if before is None else before.rule(name)
    new = None if after is None else after.rule(name)
    if old is None and new is None:
        return ""
    if old is None or new is None:
        return f"rule {name!r} is {'new' if old is None else 'gone'}"
    parts = [
        f"{word} {_part(getattr(old, key))} became {_part(getattr(new, key))}"
        for key, word in _PARTS.items()
        if _part(getattr(old, key)) != _part(getattr(new, key))
    ]
    return f"rule {name!r}: {', '.join(parts)}" if parts else ""


def _part(value: Any) -> str:  # noqa: ANN401 - any part of a rule
    """Say what a part of a rule is, as near to the file as can be."""
    if isinstance(value, tuple):
        parts: list[str] = [_part(one) for one in value]  # pyright: ignore[reportUnknownVariableType] - parts of a rule
        return ", ".join(parts) or "none"
    text: Any = getattr(value, "text", None)
    if text is not None:
        return f"`{text() if callable(text) else text}`"
    if attrs.has(value.__class__):
        settings = ", ".join(f"{key} = {one!r}" for key, one in value.settings.items())
        return f"{value.name} {{ {settings} }}"
    return "none" if value is None else str(value).lower()
