"""The nearest explanation of a divergence: what is different today, and which row shows it."""

from collections.abc import Callable, Sequence
from typing import Any, final

import attrs
from attrs import frozen

from hookflash.engine.replaying.changes import (
    RowChange,
    other_changes,
    place_of,
    row_changes,
    row_text,
)
from hookflash.engine.replaying.findings import Cause
from hookflash.engine.replaying.resuming import comes_out
from hookflash.engine.replaying.stepping_by import Stepper, policy_differences
from hookflash.machines.attempts import Attempt
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine, Step
from hookflash.machines.records import RecordedStep
from hookflash.machines.spec import Row, Spec

_POLICIES_MAX = 64
_ROWS_NAMED = 3


@frozen(kw_only=True)
class Case:
    """A record that came out otherwise, and all that is known about it.

    Attributes:
        recorded: The record.
        event: Its event's name.
        stepper: The machines.
        before: The interaction that was tried.
        own_step: What that machine makes of it; None where there is none, or it fails.
        own_fits: Whether that is what was recorded.
        step: What came out; None where the machine fails.
        attempts: What each row would have done.
        exact: The row that does what was recorded; None for none.
        between: What is wrong with the recording between this record and the one before it of this
            interaction; empty for nothing.
        damage: What is wrong with its line; empty for nothing.
        doubted: The record after which it is not sure how the interaction stood; 0 for none.
    """

    recorded: RecordedStep
    event: str
    stepper: Stepper
    before: Interaction[Any]
    own_step: Step[Any] | None
    own_fits: bool
    step: Step[Any] | None
    attempts: Sequence[Attempt]
    exact: Attempt | None
    between: str = ""
    damage: str = ""
    doubted: int = 0


@final
class Causes:
    """Finds explanations; keeps what is compared again and again."""

    def __init__(self) -> None:
        self._changes: dict[tuple[str, str], list[RowChange]] = {}
        self._policies: dict[tuple[str, str], Machine[Any, Any]] = {}

    def of(self, case: Case, field: str) -> Cause:
        """Return the nearest explanation of what differs in *field*."""
        if case.damage or case.between:
            return Cause("damage", case.damage or case.between)
        if case.doubted:
            return Cause(
                "earlier",
                f"since record {case.doubted} it is not sure how the interaction stood",
            )
        cause = _of_what_was_before(field)
        if cause is not None:
            return cause
        if case.stepper.own is not case.stepper.tried and (
            case.own_fits or case.stepper.own is None
        ):
            return self._other(case)
        return _same_definition(case, field)

    # --- something else is tried ------------------------------------------------------------------

    def _other(self, case: Case) -> Cause:
        own, tried = case.stepper.own, case.stepper.tried
        recorded_row = None if case.own_step is None else case.own_step.transition
        if own is None:
            return self._unknown_definition(case)
        row_now = None if case.step is None else case.step.transition
        keys = policy_differences(own.policy, tried.policy)
        if own.spec.digest != tried.spec.digest:
            change = self._change(own.spec, tried.spec, recorded_row, row_now, case)
            if change:
                return Cause("definition", change)
        if keys:
            return self._policy(case, own, keys)
        if own.spec.digest != tried.spec.digest:
            changes = self.changes(own.spec, tried.spec)
            words = [one.text(own.spec, tried.spec) for one in changes[:_ROWS_NAMED]]
            words += other_changes(own.spec, tried.spec)
            listed = "; ".join(words[:_ROWS_NAMED]) or "its words only"
            return Cause("definition", f"the definition differs elsewhere: {listed}")
        return Cause("unknown", "the machines are the same but for what their names mean")

    def changes(self, before: Spec, after: Spec) -> list[RowChange]:
        """Return the rows that differ between two definitions."""
        key = before.digest, after.digest
        if key not in self._changes:
            self._changes[key] = row_changes(before, after)
        return self._changes[key]

    def _change(
        self, before: Spec, after: Spec, recorded_row: Row | None, row_now: Row | None, case: Case
    ) -> str:
        """Say which row differs for this state and event; empty where none does."""
        pair = case.recorded.source, case.event
        changes = [one for one in self.changes(before, after) if one.pair == pair]
        direct = [one for one in changes if one.about(recorded_row) or one.about(row_now)]
        return "; ".join(one.text(before, after) for one in (direct or changes)[:_ROWS_NAMED])

    def _policy(self, case: Case, own: Machine[Any, Any], keys: dict[str, str]) -> Cause:
        """Say which settings make the difference: those that alone bring what was recorded."""
        tried = case.stepper.tried
        fitting = [key for key in keys if self._fits(case, tried, key, getattr(own.policy, key))]
        named = fitting or list(keys)
        words = ", ".join(keys[key] for key in named)
        if fitting or len(keys) == 1:
            return Cause("policy", f"the policy differs: {words}")
        return Cause("policy", f"the policy differs, in one of these: {words}")

    def _fits(self, case: Case, tried: Machine[Any, Any], key: str, value: Any) -> bool:  # noqa: ANN401 - a setting
        cached = f"{key}={value!r}", f"{tried.spec.digest} {tried.policy!r}"
        machine = self._policies.get(cached)
        if machine is None:
            if len(self._policies) >= _POLICIES_MAX:
                self._policies.clear()
            machine = tried.with_policy(attrs.evolve(tried.policy, **{key: value}))
            self._policies[cached] = machine
        step = stepped(machine, case.before, case.recorded.event)
        return step is not None and comes_out(step, case.recorded, case.stepper)

    def _unknown_definition(self, case: Case) -> Cause:
        """The recording's own definition is not to be had; the row that fits says most."""
        now = "no row" if case.step is None else _row(case.step.transition, case.stepper.tried)
        where = (
            f"the definition that recorded it is not that of {place_of(case.stepper.tried.spec)}"
        )
        if case.exact is not None:
            then = _row(case.exact.row, case.stepper.tried)
            return Cause("format", f"{where}: it did what {then} does, and now {now} is taken")
        return Cause("format", f"{where}: now {now} is taken")


def _of_what_was_before(field: str) -> Cause | None:
    """Return the explanation of what no row can explain; None for other fields."""
    if field == "from":
        return Cause(
            "missing",
            "no record leads from the one state to the other: one is missing, or this one was"
            " changed",
        )
    if field == "event.timer":
        return Cause(
            "timer",
            "no such timer runs, or it is not due: what started it is missing, or this record was"
            " changed",
        )
    return None


# --- the same definition --------------------------------------------------------------------------


def _same_definition(case: Case, field: str) -> Cause:
    machine = case.stepper.own or case.stepper.tried
    if case.step is None:
        return Cause("effect", "the code behind the definition fails on it")
    now = case.step.transition
    if case.exact is not None and case.exact.row != now:
        return Cause("guard", _guards(case.exact, now, case.attempts, machine))
    taken = next((one for one in case.attempts if one.row == now), None)
    if case.step.interaction.state == case.recorded.target:
        maker = _maker(taken, field)
        return Cause(
            "effect",
            f"definition and policy are the same, and so is {_row(now, machine)}: {maker} comes out"
            " otherwise, or the record was changed",
        )
    return Cause(
        "unknown",
        f"definition and policy are the same; {_row(now, machine)} is taken now, and no row of"
        f" {case.recorded.source!r} does what was recorded: the record was changed, one before it"
        " is missing, or the code behind the definition changed",
    )


def _guards(
    exact: Attempt, now: Row, attempts: Sequence[Attempt], machine: Machine[Any, Any]
) -> str:
    """Say which guard decides otherwise."""
    said = f"it did what {_row(exact.row, machine)} does, and now {_row(now, machine)} is taken"
    if exact.row.index < now.index:
        guards = ", ".join(f"`{name}`" for name in exact.refused_by)
        return f"{said}: {guards} does not hold any more"
    held = next((one.row.guards for one in attempts if one.row == now), ())
    guards = " or ".join(f"`{name}`" for name in held)
    return f"{said}: {guards or 'its guards'} did not hold then"


def _maker(taken: Attempt | None, field: str) -> str:
    """Return what made the effect that *field* speaks of."""
    index, _, _ = field.removeprefix("effects[").partition("]")
    if taken is None or not index.isdigit() or int(index) >= len(taken.makers):
        makers = () if taken is None else tuple(dict.fromkeys(filter(None, taken.makers)))
        if taken is not None and not makers:
            makers = taken.row.effects
        return " or ".join(f"`{name}`" for name in makers) or "what follows"
    return f"`{taken.makers[int(index)] or 'the timer'}`"


def _row(row: Row, machine: Machine[Any, Any]) -> str:
    return row_text(row, machine.spec)


def stepped(
    machine: Machine[Any, Any],
    before: Interaction[Any],
    event: Any,  # noqa: ANN401 - any event
) -> Step[Any] | None:
    """Return what *machine* makes of an event; None where it fails.

    What was recorded under another definition need not fit this one: a state that it does not have,
    an effect that takes a pending command for granted.
    """
    step: Callable[[Interaction[Any], Any], Step[Any]] = machine.step
    try:
        return step(before, event)
    except Exception:  # noqa: BLE001 - see above
        return None
