"""A whole recording, replayed: lines in, findings out, in bounded memory.

Records that come out as recorded are most of all, so for them there is a short cut: `Quick` parses,
checks and steps them with as little between as can be, and compares their effects without writing
them. Whatever it does not take for equal it leaves to `Follower.follow`, which steps the record
once more and says what differs. Both call the very `Machine.step` that runs live.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import orjson
from attrs import evolve

from hookflash.engine.replaying.findings import Damage, Divergence, shown
from hookflash.engine.replaying.following import Follower
from hookflash.engine.replaying.known import KnownInteractions
from hookflash.engine.replaying.order import Held, Order
from hookflash.engine.replaying.outcome import Findings, Until
from hookflash.engine.replaying.quick import Quick
from hookflash.engine.replaying.reading import LineReader, Read
from hookflash.engine.replaying.sharing import Share
from hookflash.engine.replaying.stepping_by import Steppers
from hookflash.engine.replaying.trying_rules import RulesTrial
from hookflash.engine.replaying.verdicts import RecordedRules
from hookflash.machines.instants import Instant
from hookflash.machines.lines import RECORD, kind_of, parse_object, sum_fits
from hookflash.machines.records import (
    ActionsDone,
    InteractionState,
    RecordedStep,
    RulesAsked,
    RulesChange,
)
from hookflash.machines.rules.ruleset import Rules

Raw = dict[str, Any]
Places = Callable[[int], str]
"""Says where the line at an index stands."""

_Item = tuple[bytes, bool]
"""A line, and whether it is one of ours."""


@final
class Replay:
    """Replays one recording.

    Args:
        steppers: The machines.
        rules: The rules that counted when it was recorded.
        known: The interactions, as they stand.
        first_seq: The number of the first record; None takes any.
        tried_rules: Rules to try in place of those; None for none.
        until: Where it ends.
        share: The interactions that it takes.
        part: Which of several recordings it is.
        told: Called with each divergence; None for nobody.

    Attributes:
        findings: What was found so far.
        follower: Follows records.
        order: The numbers of records.
    """

    def __init__(
        self,
        steppers: Steppers,
        rules: RecordedRules,
        known: KnownInteractions,
        *,
        first_seq: int | None,
        tried_rules: Rules | None = None,
        until: Until | None = None,
        share: Share | None = None,
        part: int = 0,
        told: Callable[[Divergence], None] | None = None,
    ) -> None:
        self.findings = Findings()
        self.follower = Follower(steppers, rules, known, part)
        self.order: Order[_Item] = Order(first_seq, part)
        self._known = known
        self._before = known.count
        self._reader = LineReader(steppers, part)
        self._trial = (
            None if tried_rules is None else RulesTrial(tried_rules, rules, steppers, part)
        )
        self._until = until
        self._share = share if share is not None and not share.is_all else None
        self._told = told
        self._quick: Quick | None = None
        self._rules_seen = False
        self._seq = 0
        self._last_at = Instant(0)

    # --- lines ------------------------------------------------------------------------------------

    def take(self, lines: Sequence[bytes], place: Places) -> bool:
        """Take up the next lines.

        Args:
            lines: The lines, each with its newline.
            place: Says where the line at an index stands.

        Returns:
            Whether it goes on: False where it was to end here.

        Raises:
            SpecError: There is no machine to step them by.
            MalformedRecord: A policy is none of its machine.
        """
        share = self._share
        raws = None if share is not None else parsed(lines)
        if raws is not None and self._until is None and self._plainly_in_order(raws):
            self._in_turn(lines, range(len(lines)), raws, place, ())
            self._known.make_room()
            return True
        if raws is not None:
            numbers = [None if raw is None or "kind" in raw else raw.get("seq") for raw in raws]
            ours: Sequence[int] = range(len(lines))
        else:
            looked = list(map((share or Share()).look, lines))
            numbers = [number for number, _ in looked]
            ours = [index for index, (_, mine) in enumerate(looked) if mine]
        if self._in_order(numbers) and not self._may_end(lines):
            if raws is None:
                raws = parsed([lines[index] for index in ours])
            self._in_turn(lines, ours, raws, place, numbers)
        else:
            mine = set(ours)
            self._disordered(
                (number, place(index), (line, index in mine))
                for index, (number, line) in enumerate(zip(numbers, lines, strict=True))
            )
        self._known.make_room()
        self.findings.interactions = self._known.count - self._before
        return not self.findings.ended

    def finish(self) -> Findings:
        """Take up that the recording has ended, and return what was found."""
        if not self.findings.ended:
            self._release(self.order.release())
        if self._trial is not None:
            for one in self._trial.finish(self._known, self._last_at, self._seq):
                self._add(one)
        for notices in (self.follower.steppers.notices, self.follower.rules.notices):
            self.findings.notices |= notices
        self.findings.interactions = self._known.count - self._before
        return self.findings

    def _plainly_in_order(self, raws: Sequence[Any]) -> bool:
        """Say whether all are records, numbered as they have to be; go on behind them if so."""
        following = self.order.following
        if following is None or not self.order.settled:
            return False
        end = following + len(raws)
        try:
            if [raw["seq"] for raw in raws] != list(range(following, end)):
                return False
        except (KeyError, TypeError):
            return False
        self.order.following = end
        return True

    def _in_order(self, numbers: Sequence[Any]) -> bool:
        """Say whether records are numbered as they have to be, and go on behind them if so."""
        following = self.order.following
        if following is None or not self.order.settled:
            return False
        for number in numbers:
            if number is not None:
                if number != following:
                    return False
                following += 1
        self.order.following = following
        return True

    def _may_end(self, lines: Sequence[bytes]) -> bool:
        """Say whether the replay may have to end within *lines*; then each is looked at by itself.

        The order of records has been taken up for all of them by then, so it is taken back.
        """
        if self._until is None:
            return False
        count = sum(1 for line in lines if kind_of(line) == RECORD)
        assert self.order.following is not None, "there was an order"  # noqa: S101
        self.order.following -= count
        return True

    def _in_turn(
        self,
        lines: Sequence[bytes],
        ours: Sequence[int],
        raws: Sequence[Raw | None],
        place: Places,
        numbers: Sequence[int | None],
    ) -> None:
        """Take up lines whose records are in order; *numbers* are those of all lines, if needed."""
        position, end = 0, len(ours)
        mine = lines if len(ours) == len(lines) else [lines[index] for index in ours]
        while position < end:
            quick = self._shortcut()
            if quick is not None:
                done = quick.take(mine, raws, position)
                self.findings.records += done - position
                position = done
            if position < end:
                if numbers:
                    self._seq = self._number_before(numbers, ours[position])
                self._line(mine[position], place(ours[position]))
                position += 1

    def _number_before(self, numbers: Sequence[int | None], index: int) -> int:
        """Return the number of the last record before a line."""
        for number in reversed(numbers[:index]):
            if number is not None:
                return number
        following = self.order.following or 1
        return following - 1 - sum(number is not None for number in numbers)

    def _disordered(self, items: Iterable[tuple[int | None, str, _Item]]) -> None:
        for number, place, item in items:
            if self.findings.ended:
                return
            seq = self._number(number, item[0])
            self._release(self.order.put(seq, place, item))

    def _number(self, number: int | None, line: bytes) -> int | None:
        """Return the number of a line; of a damaged one the number that it is to have."""
        following = self.order.following
        if number == following or (number is None and kind_of(line) != RECORD):
            return number
        if number is None:
            return following if line.endswith(b"\n") else None
        return number if is_intact(line) else following

    def _release(self, lines: Iterable[Held[_Item]]) -> None:
        damages, self.order.damages = self.order.damages, []
        for one in damages:
            if self._share is None or self._share.index == 0:
                self.findings.damages.add(one)
            if one.kind == "missing" and one.seq is not None:
                self.follower.note_wrong(one.seq, one.last or one.seq, one.text)
        for held in lines:
            line, mine = held.line
            if mine and not self.findings.ended:
                self._line(line, held.place)

    # --- one line ---------------------------------------------------------------------------------

    def _line(self, line: bytes, place: str) -> None:
        """Take up one line, whatever it says and whatever is wrong with it."""
        read = self._reader.read(line, place)
        entry, damage = read.entry, read.damage
        match entry:
            case RecordedStep():
                self._record(entry, place, read)
                return
            case InteractionState():
                self._rules_seen |= entry.interaction.rules is not None
                for one in self.follower.take_state(entry, place):
                    self._add(one)
            case RulesAsked() | ActionsDone():
                self._asked(entry, place)
            case None:
                self._unread(read, place)
            case _:
                self._rules_seen |= isinstance(entry, RulesChange)
                self.follower.take_change(entry, place)
                self._quick = None
        if damage is not None and (self._share is None or self._share.reports(line)):
            self.findings.damages.add(damage)

    def _unread(self, read: Read, place: str) -> None:
        """Take up that a line cannot be read."""
        if read.torn:
            text = f"{place}: the last line was torn by a crash, and is left out"
            self.findings.notices[text] = None
        elif read.damage is not None:
            following = self.order.following or 1
            seq = following - 1 if self._share is None else read.damage.seq
            if seq is not None:
                text = f"record {seq} cannot be read ({read.damage.place})"
                self.follower.note_wrong(seq, seq, text)

    def _record(self, recorded: RecordedStep, place: str, read: Read) -> None:
        seq, at = recorded.seq, recorded.event.at
        if self._until is not None and self._until.passed(seq, at):
            self.findings.ended = True
            return
        self._seq, self._last_at = seq, max(self._last_at, at)
        if self._trial is not None and not recorded.begins:
            known = self._known.get(recorded.interaction_id)
            if known is not None:
                self._add_all(self._trial.before(known, at, seq, place))
        damage = read.damage
        words = damage.text if damage is not None and read.doubtful else ""
        followed = self.follower.follow(recorded, place, words)
        if words:
            self.follower.note_wrong(seq, seq, f"record {seq} was changed ({place})")
        self.findings.records += 1
        divergences = followed.divergences
        if self._trial is not None:
            known = self._known.get(recorded.interaction_id)
            assert known is not None, "it was just followed"  # noqa: S101
            divergences = (
                *(one for one in divergences if not one.field.startswith("rules")),
                *self._trial.record(followed, known),
            )
        self._add_all(divergences)
        if damage is not None:
            self.findings.damages.add(_told_where(damage, divergences) if words else damage)
        if followed.damage is not None:
            self.findings.damages.add(followed.damage)

    def _asked(self, entry: RulesAsked | ActionsDone, place: str) -> None:
        trial, known = self._trial, self._known.get(entry.interaction_id)
        found: list[Divergence] = []
        if trial is not None and known is not None and isinstance(entry, RulesAsked):
            found = trial.asked(entry, known, self._seq, place)
        _, divergences = self.follower.take_asked(entry, place, self._seq)
        self._add_all(divergences if trial is None else found)

    def _add_all(self, divergences: Iterable[Divergence]) -> None:
        for one in divergences:
            self._add(one)

    def _add(self, one: Divergence) -> None:
        self.findings.groups.add(one)
        if self._told is not None:
            self._told(one)

    def _shortcut(self) -> Quick | None:
        """Return the short cut, where it can be taken at all."""
        if self._rules_seen or self._trial is not None:
            return None
        if self._quick is None:
            stepper = self.follower.steppers.present
            if stepper.own is not stepper.tried:
                return None
            self._quick = Quick(stepper, self._known)
        return self._quick


# --- the parts ------------------------------------------------------------------------------------


def parsed(lines: Sequence[bytes]) -> list[Raw | None]:
    """Return the JSON objects of *lines*; None for what is none."""
    found: list[Any] = []
    try:
        # All at once, which keeps the processor at one thing.
        found += map(orjson.loads, lines)
    except orjson.JSONDecodeError:
        found = [_loaded(line) for line in lines]
    return found


def _loaded(line: bytes) -> Raw | None:
    try:
        return parse_object(line)
    except ValueError:
        return None


def is_intact(line: bytes) -> bool:
    """Say whether a line has its checksum, or none."""
    return b'"sum"' not in line or sum_fits(line)


def _told_where(damage: Damage, divergences: Sequence[Divergence]) -> Damage:
    """Return *damage* with where the record differs from what comes out now."""
    if not divergences:
        text = f"{damage.text}; what it says comes out as recorded all the same"
        return evolve(damage, text=text)
    one = divergences[0]
    said = (
        f"`{one.field}` is {shown(one.recorded, one.at)}, and comes out as {shown(one.now, one.at)}"
    )
    return evolve(damage, text=f"{damage.text}; {said}")
