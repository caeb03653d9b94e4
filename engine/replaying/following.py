"""Following a recording: one entry after the other, stepped again and compared.

`Follower.follow` takes a record and says what was before it, what comes out now, where that is not
what was recorded and why, and how the interaction goes on. All replay rests on it: verification,
stepping forth and back, forks. `replay` has a short cut for records that come out as recorded.
"""

from collections.abc import Sequence
from typing import Any, final

import attrs
from attrs import define, frozen

from hookflash.engine.replaying.asides import Asides
from hookflash.engine.replaying.causes import Case, stepped
from hookflash.engine.replaying.comparing import Difference
from hookflash.engine.replaying.differing import (
    note_gone,
    source_differences,
    step_differences,
    timer_differences,
    timers_of,
)
from hookflash.engine.replaying.findings import Cause, Damage, Divergence
from hookflash.engine.replaying.known import Known
from hookflash.engine.replaying.resuming import (
    comes_out,
    exact_attempt,
    goes_on_alike,
    guessed,
    nearest_attempt,
    repaired,
)
from hookflash.engine.replaying.stepping_by import Stepper
from hookflash.engine.replaying.verdicts import UNASKED, Judged
from hookflash.machines.attempts import attempts_of
from hookflash.machines.errors import MalformedRecord
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine, Step
from hookflash.machines.records import RecordedStep
from hookflash.machines.rules.ruling import Ruling, ruled


@frozen
class Followed:
    """A record, and what comes of it now.

    Attributes:
        recorded: The record.
        place: Where it stands.
        event: Its event's name.
        before: The interaction before it, as far as that is known.
        step: What comes out now; None where the machine fails on it.
        after: How the interaction goes on.
        divergences: Where that is not what was recorded.
        judged: What its rules decide now.
        damage: What is wrong with the recording there; None for nothing.
    """

    recorded: RecordedStep
    place: str
    event: str
    before: Interaction[Any]
    step: Step[Any] | None
    after: Interaction[Any]
    divergences: tuple[Divergence, ...] = ()
    judged: Judged = UNASKED
    damage: Damage | None = None


@define
class _Meeting:
    """A record and what is known of its interaction, while it is looked at.

    Attributes:
        recorded: The record.
        place: Where it stands.
        stepper: The machines.
        known: The interaction.
        event: The event's name.
        timer: The timer whose event it is; empty for none.
        before: The interaction as it is tried.
        own_before: The interaction by the recording's own machine.
        step: What comes out now.
        own_step: What the recording's own machine makes of it.
        alike: Whether *step* is as recorded.
        own_fits: Whether *own_step* is as recorded.
    """

    recorded: RecordedStep
    place: str
    stepper: Stepper
    known: Known
    event: str
    timer: str
    before: Interaction[Any]
    own_before: Interaction[Any]
    step: Step[Any] | None = None
    own_step: Step[Any] | None = None
    alike: bool = False
    own_fits: bool = False

    def take(self) -> None:
        """Step it, by both machines where they are not the same."""
        own, tried = self.stepper.own, self.stepper.tried
        self.step = stepped(tried, self.before, self.recorded.event)
        self.alike = self.step is not None and comes_out(self.step, self.recorded, self.stepper)
        if own is tried:
            self.own_step, self.own_fits = self.step, self.alike
        elif own is not None:
            self.own_step = stepped(own, self.own_before, self.recorded.event)
            self.own_fits = self.own_step is not None and comes_out(
                self.own_step, self.recorded, self.stepper
            )

    @property
    def machine(self) -> Machine[Any, Any]:
        """The machine that is nearest to the one that recorded it."""
        return self.stepper.own or self.stepper.tried


@final
class Follower(Asides):
    """Follows one recording, or several that follow on each other; `Asides` has the arguments."""

    def follow(self, recorded: RecordedStep, place: str, damage: str = "") -> Followed:
        """Step a record again, and compare.

        Args:
            recorded: The record.
            place: Where it stands.
            damage: What is wrong with its line; empty for nothing.

        Returns:
            What came of it; the interaction goes on as its `after` says.

        Raises:
            SpecError: There is no machine to step it by.
            MalformedRecord: It names a definition that the recording does not hold.
        """
        stepper = self.steppers.of(recorded.spec_hash)
        known, lost = self._known_to(recorded, stepper, place, damage)
        meeting = self._meeting(recorded, stepper, known, place)
        found = source_differences(meeting.own_before, recorded)
        if found:
            self._set_back(meeting)
        found += timer_differences(known, recorded, meeting.timer)
        meeting.take()
        if recorded.begins is None and (found or not meeting.alike):
            begun = self._begun_anew(recorded, stepper, place)
            if begun is not None:
                meeting, known, found = begun, begun.known, []
        if not meeting.alike:
            found += step_differences(meeting.step, recorded, stepper.codec)
        case = self._case(meeting, damage) if found else None
        doubted = known.doubted
        own_after = self._go_on(meeting, case)
        judged = self._judge(meeting, own_after)
        if found and found[0][0] == "from" and not (case and case.damage):
            doubted = doubted or recorded.seq
        divergences = self._divergences(meeting, found, judged, case)
        known.doubted = known.doubted or doubted
        known.seq = recorded.seq
        return Followed(
            recorded,
            place,
            meeting.event,
            meeting.before,
            meeting.step,
            known.interaction,
            divergences,
            judged,
            lost,
        )

    # --- before -----------------------------------------------------------------------------------

    def _known_to(
        self, recorded: RecordedStep, stepper: Stepper, place: str, damage: str
    ) -> tuple[Known, Damage | None]:
        """Return the interaction of a record, and what is wrong if nothing tells how it stood."""
        if not recorded.begins:
            known = self.known.get(recorded.interaction_id)
            if known is not None:
                return known, None
        known = self.known.begin(self._fresh(recorded, stepper))
        initial = recorded.source == known.interaction.state
        if recorded.begins or (recorded.begins is None and initial):
            known.whole = recorded.begins is True
            return known, None
        # What it was before is not known: from here on it is as near as can be.
        known.whole, known.doubted = False, recorded.seq
        if recorded.source in stepper.tried.spec.states:
            known.interaction = attrs.evolve(known.interaction, state=recorded.source)
        if damage or self.wrong_between(-1, recorded.seq):
            return known, None
        return known, Damage(
            kind="incomplete",
            place=place,
            seq=recorded.seq,
            text="nothing before it tells how the interaction stood",
            interaction_id=recorded.interaction_id,
            part=self.part,
        )

    @staticmethod
    def _fresh(recorded: RecordedStep, stepper: Stepper) -> Known:
        start = stepper.tried.start(recorded.interaction_id)
        if stepper.own is None or stepper.own is stepper.tried:
            return Known(start)
        own = stepper.own.start(recorded.interaction_id)
        return Known(start, own=None if own == start else own)

    def _meeting(
        self, recorded: RecordedStep, stepper: Stepper, known: Known, place: str
    ) -> _Meeting:
        before = known.interaction
        return _Meeting(
            recorded,
            place,
            stepper,
            known,
            stepper.codec.machine.event_name(recorded.event),
            timers_of(stepper.codec.machine).get(recorded.event.__class__, ""),
            before,
            known.own or before,
        )

    def _set_back(self, meeting: _Meeting) -> None:
        """Take the recorded state before for what was: how it came to be is not known."""
        source = meeting.recorded.source
        if source in meeting.machine.spec.states:
            meeting.own_before = attrs.evolve(meeting.own_before, state=source)
        if source in meeting.stepper.tried.spec.states:
            meeting.before = attrs.evolve(meeting.before, state=source)

    def _begun_anew(self, recorded: RecordedStep, stepper: Stepper, place: str) -> _Meeting | None:
        """Return the meeting if the engine had forgotten the interaction, and it fits then.

        Recordings of format 1 do not say where an interaction begins.
        """
        known = self._fresh(recorded, stepper)
        meeting = self._meeting(recorded, stepper, known, place)
        if source_differences(meeting.own_before, recorded):
            return None
        meeting.take()
        if not (meeting.own_fits or meeting.alike):
            return None
        self.known.begin(known)
        return meeting

    # --- what is different ------------------------------------------------------------------------

    def _case(self, meeting: _Meeting, damage: str) -> Case:
        recorded, known, stepper = meeting.recorded, meeting.known, meeting.stepper
        attempts = attempts_of(meeting.machine, meeting.own_before, recorded.event)
        between = ""
        if not meeting.own_fits or meeting.own_before.state != known.interaction.state:
            between = self.wrong_between(known.seq, recorded.seq)
        return Case(
            recorded=recorded,
            event=meeting.event,
            stepper=stepper,
            before=meeting.before,
            own_step=meeting.own_step,
            own_fits=meeting.own_fits,
            step=meeting.step,
            attempts=attempts,
            exact=exact_attempt(attempts, recorded, stepper),
            between=between,
            damage=damage,
            doubted=known.doubted,
        )

    def _divergences(
        self, meeting: _Meeting, found: list[Difference], judged: Judged, case: Case | None
    ) -> tuple[Divergence, ...]:
        made: list[Divergence] = []
        if found:
            made.append(self._divergence(meeting, found, self._cause(case, found[0][0])))
        if judged.differences:
            # What does not follow from the records before it does not for its rules either.
            since = meeting.recorded.seq if found and found[0][0] == "from" else 0
            cause = self.rules_cause(meeting.known, since)
            made.append(self._divergence(meeting, judged.differences, cause))
        return tuple(made)

    def _divergence(
        self, meeting: _Meeting, found: Sequence[Difference], cause: Cause
    ) -> Divergence:
        recorded = meeting.recorded
        return Divergence(
            interaction_id=recorded.interaction_id,
            seq=recorded.seq,
            place=meeting.place,
            at=recorded.event.at,
            event=meeting.event,
            source=recorded.source,
            differences=tuple(found),
            cause=cause,
            part=self.part,
        )

    def _cause(self, case: Case | None, field: str) -> Cause:
        if case is None:
            return Cause("unknown", "")
        return self._causes.of(case, field)

    # --- after ------------------------------------------------------------------------------------

    def _go_on(self, meeting: _Meeting, case: Case | None) -> Interaction[Any]:
        """Let the interaction go on, and return how it stands by the recording's own machine."""
        known, step, own_step = meeting.known, meeting.step, meeting.own_step
        if meeting.own_fits and own_step is not None:
            own_after = own_step.interaction
        elif meeting.alike and step is not None:
            own_after = step.interaction
        else:
            own_after = self._nearest(meeting, case)
        tried_after = own_after
        # What is tried goes on by itself as long as what was recorded next can happen to it too.
        if (
            step is not None
            and meeting.stepper.own is not meeting.stepper.tried
            and goes_on_alike(step.interaction, own_after)
        ):
            tried_after = step.interaction
        note_gone(known, meeting.own_before, own_after)
        known.interaction = tried_after
        known.own = None if own_after is tried_after or own_after == tried_after else own_after
        return own_after

    def _nearest(self, meeting: _Meeting, case: Case | None) -> Interaction[Any]:
        recorded, before = meeting.recorded, meeting.own_before
        codec = meeting.stepper.codec
        assert case is not None, "what does not fit was looked at"  # noqa: S101
        if case.damage and recorded.target not in meeting.machine.spec.states:
            return before if meeting.own_step is None else meeting.own_step.interaction
        if case.exact is not None and case.exact.step is not None:
            return case.exact.step.interaction
        nearest = nearest_attempt(case.attempts, recorded, codec)
        if nearest is not None and nearest.step is not None:
            return repaired(nearest.step.interaction, before, recorded, meeting.timer)
        meeting.known.doubted = meeting.known.doubted or recorded.seq
        return guessed(before, recorded, meeting.machine, meeting.timer)

    def _judge(self, meeting: _Meeting, own_after: Interaction[Any]) -> Judged:
        """Ask the rules, and let the interaction remember what was recorded of them."""
        recorded, known = meeting.recorded, meeting.known
        facts = getattr(recorded.event, "facts", None)
        if facts is not None:
            known.org = facts.org_id
        before = meeting.own_before.rules
        if self.rules.silent and recorded.rules is None and before is None:
            return UNASKED
        judged, ruling = UNASKED, None
        try:
            ruling = None if recorded.rules is None else Ruling.from_json(recorded.rules)
        except MalformedRecord as error:
            return Judged(None, (("rules", recorded.rules, f"cannot be read: {error.message}"),))
        step = meeting.own_step or meeting.step
        if step is not None:
            judged = self.rules.after(
                own_after, known.org, recorded.source, recorded.event, step, recorded.rules
            )
        if ruling is not None:
            known.org = ruling.org
        final = self.is_final(own_after)
        under = self.rules.digest
        self.set_rules(known, ruled(before, recorded.event, ruling, final=final, under=under))
        return judged
