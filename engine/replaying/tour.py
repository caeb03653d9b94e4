"""Forth and back through a recording, one record at a time.

Going back is going forth again from the last mark before: marks are set every some hundred records
and hold how everything stood there. There are as many as memory allows, dense where somebody
looked last and sparse elsewhere.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, final

import attrs
from attrs import frozen

from hookflash.engine.replaying.findings import Damage, Divergence
from hookflash.engine.replaying.following import Followed, Follower
from hookflash.engine.replaying.known import Known, KnownInteractions
from hookflash.engine.replaying.reading import LineReader
from hookflash.engine.replaying.sharing import Share
from hookflash.engine.replaying.stepping_by import Steppers
from hookflash.engine.replaying.trying_rules import RulesTrial
from hookflash.engine.replaying.verdicts import RecordedRules
from hookflash.machines.errors import ConfigurationError
from hookflash.machines.interaction import Interaction
from hookflash.machines.records import (
    ActionsDone,
    DefinitionChange,
    InteractionState,
    PolicyChange,
    RecordedStep,
    RulesAsked,
    RulesChange,
)
from hookflash.machines.rules.ruleset import Rules

EVERY: Final = 250
"""Records between two marks: so many are stepped again at most to go back."""

MARKS_MAX: Final = 64
"""Marks that are kept; beyond it every other one of the earlier half is given up."""

KNOWN_MAX: Final = 50_000
"""Interactions that a tour follows: each mark refers to all of them."""

_MARKED_MAX: Final = 500_000
"""Interactions that all marks together refer to."""

Spot = tuple[int, int]
"""Where a line begins: its offset in the file and its number."""


class Lines(Protocol):
    """The lines of a recording, from any of them on."""

    def after(self, spot: Spot) -> Iterator[tuple[bytes, str, Spot]]:
        """Yield lines, each with its place for messages and the spot behind it."""
        ...


@frozen
class Stop:
    """A record at which a tour has stopped, or what rules were asked beside records.

    Attributes:
        index: Which stop it is, from 1.
        seq: The number of the record, or of the last one before.
        followed: The record, and what comes of it now; None where only rules were asked.
        asked: What rules were asked; None at a record.
        interaction: How the interaction stands after it.
        divergences: Where it is not as recorded.
        damages: What is wrong with the recording there.
        changes: What changed since the stop before, in words: policy, definition, rules.
    """

    index: int
    seq: int
    followed: Followed | None
    asked: RulesAsked | None
    interaction: Interaction[Any]
    divergences: tuple[Divergence, ...] = ()
    damages: tuple[Damage, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def is_refusal(self) -> bool:
        """Whether something was refused there: by the machine, the gateway or the policy."""
        if self.followed is None:
            return False
        step, recorded = self.followed.step, self.followed.recorded
        return (
            (step is not None and step.transition.decision == "reject")
            or self.followed.event == "refused"
            or any(effect.get("error") for effect in recorded.effects)
        )


@frozen
class _Mark:
    """How everything stood at a spot."""

    index: int
    seq: int
    spot: Spot
    known: dict[str, Known]
    steppers: Any
    rules: Any


@final
class Tour:
    """A tour of one recording.

    Args:
        lines: Its lines.
        start: The spot behind its header.
        steppers: The machines.
        rules: The rules that counted when it was recorded.
        only: The one interaction that is shown, in lower case; None for all.
        tried_rules: Rules to try in place of the recorded ones; None for none.

    Attributes:
        stop: Where it stands; None at the beginning.
    """

    def __init__(
        self,
        lines: Lines,
        start: Spot,
        steppers: Steppers,
        rules: RecordedRules,
        *,
        only: str | None = None,
        tried_rules: Rules | None = None,
    ) -> None:
        self._lines = lines
        self._share = Share(only=only)
        self._follower = Follower(steppers, rules, KnownInteractions())
        self._reader = LineReader(steppers)
        self._trial = None if tried_rules is None else RulesTrial(tried_rules, rules, steppers)
        self._marks: list[_Mark] = []
        self._index = self._seq = 0
        self._spot = start
        self._coming = lines.after(start)
        self.stop: Stop | None = None
        self._mark()

    # --- moving -----------------------------------------------------------------------------------

    def forward(self) -> bool:
        """Go to the next stop; False where there is none."""
        if self._index - self._marks[-1].index >= EVERY:
            self._mark()
        changes: list[str] = []
        damages: list[Damage] = []
        for line, place, spot in self._coming:
            self._spot = spot
            if self._share.only is not None and not self._share.look(line)[1]:
                continue
            stop = self._take(line, place, changes, damages)
            if stop is not None:
                self._index += 1
                self.stop = attrs.evolve(
                    stop, index=self._index, changes=tuple(changes), damages=tuple(damages)
                )
                return True
        return False

    def back(self) -> bool:
        """Go to the stop before; False at the first."""
        if self._index <= 1:
            return False
        self._go_to(self._index - 1)
        return True

    def seek(self, seq: int) -> bool:
        """Go to the record *seq*, or the first one after it; False where there is none."""
        if self.stop is not None and self.stop.seq >= seq:
            self._restore(lambda mark: mark.seq < seq)
        return self._until(lambda stop: stop.seq >= seq)

    def next_refusal(self) -> bool:
        """Go to the next record at which something was refused; the end where there is none."""
        return self._until(lambda stop: stop.is_refusal)

    def next_divergence(self) -> bool:
        """Go to the next record that is not as recorded, or damaged; else to the end."""
        return self._until(lambda stop: bool(stop.divergences or stop.damages))

    def _until(self, found: Callable[[Stop], bool]) -> bool:
        while self.forward():
            if self.stop is not None and found(self.stop):
                return True
        return False

    def _go_to(self, index: int) -> None:
        self._restore(lambda mark: mark.index < index)
        while self._index < index and self.forward():
            pass

    # --- taking lines -----------------------------------------------------------------------------

    def _take(
        self, line: bytes, place: str, changes: list[str], damages: list[Damage]
    ) -> Stop | None:
        """Take up a line; return a stop where it is one."""
        read = self._reader.read(line, place)
        if read.damage is not None:
            damages.append(read.damage)
        entry = read.entry
        match entry:
            case RecordedStep():
                damages += self._out_of_order(entry.seq, place)
                return self._record(entry, place, read.damage if read.doubtful else None)
            case RulesAsked():
                known = self._follower.known.get(entry.interaction_id)
                tried = None
                if self._trial is not None and known is not None:
                    tried = tuple(self._trial.asked(entry, known, self._seq, place))
                _, found = self._follower.take_asked(entry, place, self._seq)
                if known is None:
                    return None
                found = found if tried is None else tried
                return Stop(0, self._seq, None, entry, known.interaction, found)
            case ActionsDone():
                self._follower.take_asked(entry, place, self._seq)
            case InteractionState():
                self._follower.take_state(entry, place)
            case None:
                pass
            case _:
                self._follower.take_change(entry, place)
                changes += filter(None, [_WORDS.get(type(entry), "")])
        return None

    def _out_of_order(self, seq: int, place: str) -> Iterator[Damage]:
        """Say whether a record is not the one after the last, where all are looked at."""
        before, following = self._seq, self._seq + 1
        if self._share.only is not None or not before or seq == following:
            return
        if seq > following:
            text = f"records {following} to {seq - 1} are missing before this line"
            self._follower.note_wrong(following, seq - 1, text)
            yield Damage(kind="missing", place=place, seq=following, last=seq - 1, text=text)
        else:
            text = f"record {seq} stands after record {before}"
            yield Damage(kind="misplaced", place=place, seq=seq, text=text)

    def _record(self, recorded: RecordedStep, place: str, damage: Damage | None) -> Stop:
        known = self._follower.known
        tried: list[Divergence] = []
        if self._trial is not None:
            one = None if recorded.begins else known.get(recorded.interaction_id)
            if one is not None:
                tried += self._trial.before(one, recorded.event.at, recorded.seq, place)
        followed = self._follower.follow(recorded, place, "" if damage is None else damage.text)
        self._seq = recorded.seq
        if len(known.by_key) > KNOWN_MAX:
            raise ConfigurationError(
                f"the recording speaks of more than {KNOWN_MAX:,} interactions up to here",
                advice="step through one of them with --interaction",
                source="option --step",
            )
        divergences = followed.divergences
        one = known.get(recorded.interaction_id)
        if self._trial is not None and one is not None:
            own = (found for found in divergences if not found.field.startswith("rules"))
            divergences = (*own, *tried, *self._trial.record(followed, one))
        return Stop(0, recorded.seq, followed, None, followed.after, divergences)

    # --- marks ------------------------------------------------------------------------------------

    def _mark(self) -> None:
        """Note how everything stands."""
        follower = self._follower
        known = {key: attrs.evolve(one) for key, one in follower.known.by_key.items()}
        mark = _Mark(
            self._index,
            self._seq,
            self._spot,
            known,
            follower.steppers.state(),
            follower.rules.state(),
        )
        self._marks.append(mark)
        marked = sum(len(one.known) for one in self._marks)
        if len(self._marks) > MARKS_MAX or (marked > _MARKED_MAX and len(self._marks) > 4):
            half = len(self._marks) // 2
            # The very first stays: without it there would be no way back to the beginning.
            self._marks = self._marks[0:half:2] + self._marks[half:]

    def _restore(self, before: Callable[[_Mark], bool]) -> None:
        """Go back to the last mark that is *before*, and give up those after it."""
        while len(self._marks) > 1 and not before(self._marks[-1]):
            self._marks.pop()
        mark = self._marks[-1]
        follower = self._follower
        follower.known.by_key = {key: attrs.evolve(one) for key, one in mark.known.items()}
        follower.steppers.restore(mark.steppers)
        follower.rules.restore(mark.rules)
        self._index, self._seq, self._spot = mark.index, mark.seq, mark.spot
        self._coming = self._lines.after(mark.spot)
        self.stop = None


_WORDS: dict[type, str] = {
    PolicyChange: "another policy counts from here on",
    DefinitionChange: "another definition counts from here on",
    RulesChange: "other rules count from here on",
}
