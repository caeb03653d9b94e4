"""Following what stands between records: changes, how interactions stand, what rules were asked."""

from typing import Any, Final

import attrs

from hookflash.engine.replaying.causes import Causes
from hookflash.engine.replaying.comparing import as_json, differences
from hookflash.engine.replaying.findings import Cause, Divergence
from hookflash.engine.replaying.known import Known, KnownInteractions
from hookflash.engine.replaying.stepping_by import Steppers
from hookflash.engine.replaying.verdicts import UNASKED, Judged, RecordedRules
from hookflash.machines.codec import RecordCodec
from hookflash.machines.interaction import Interaction
from hookflash.machines.lines import parse_line
from hookflash.machines.records import (
    ActionsDone,
    DefinitionChange,
    InteractionState,
    PolicyChange,
    RulesAsked,
    RulesChange,
    Told,
)
from hookflash.machines.rules.ruling import RuleState, carried_out, ruled

WRONG_MAX: Final = 1_000
"""Places at which something is wrong with the recording itself that explanations look back to."""

Change = PolicyChange | DefinitionChange | RulesChange | Told
Asked = RulesAsked | ActionsDone


class Asides:
    """What `Follower` knows, and what it takes up that is no record.

    Args:
        steppers: The machines.
        rules: The rules that counted when it was recorded.
        known: The interactions, as they stand.
        part: Which of several recordings it is.

    Attributes:
        steppers: As above.
        rules: As above.
        known: As above.
        part: As above.
    """

    def __init__(
        self, steppers: Steppers, rules: RecordedRules, known: KnownInteractions, part: int = 0
    ) -> None:
        self.steppers = steppers
        self.rules = rules
        self.known = known
        self.part = part
        self._causes = Causes()
        self._wrong: list[tuple[int, int, str]] = []

    # --- what is wrong with the recording itself --------------------------------------------------

    def note_wrong(self, first: int, last: int, text: str) -> None:
        """Take up that something is wrong with the records from *first* to *last*."""
        self._wrong.append((first, last, text))
        del self._wrong[:-WRONG_MAX]

    def wrong_between(self, first: int, last: int) -> str:
        """Say what is wrong with the recording between two records; empty for nothing."""
        for begin, end, text in self._wrong:
            if begin < last and end > first:
                return text
        return ""

    # --- changes ----------------------------------------------------------------------------------

    def take_change(self, change: Change, place: str) -> None:
        """Take up what changes what counts.

        Raises:
            SpecError: There is no machine to step by from here on.
            MalformedRecord: The policy is none of its machine.
        """
        match change:
            case PolicyChange():
                self.steppers.policy_changed(change)
            case DefinitionChange():
                self.steppers.definition_changed(change)
                for known in self.known:
                    known.whole = False
            case RulesChange():
                self.rules.change(change, place)
            case Told():
                pass

    # --- how interactions stand -------------------------------------------------------------------

    def take_state(self, entry: InteractionState, place: str) -> tuple[Divergence, ...]:
        """Take up how an interaction stands.

        Returns:
            Where that is not what came out of its records.
        """
        before = self.known.get(entry.interaction.id)
        found: tuple[Divergence, ...] = ()
        if before is not None and before.whole and not before.doubted and before.seq == entry.seq:
            found = self._state_divergences(entry, before, place)
        org = None if before is None else before.org
        self.known.begin(Known(entry.interaction, entry.seq, org=org, whole=False))
        return found

    def _state_divergences(
        self, entry: InteractionState, before: Known, place: str
    ) -> tuple[Divergence, ...]:
        interaction = before.own or before.interaction
        if interaction == entry.interaction:
            return ()
        codec = self.steppers.of(entry.spec_hash).codec
        now = attrs.evolve(entry, interaction=interaction)
        cause = Cause(
            "unknown",
            f"the line says how the interaction stood after record {entry.seq}, and its records"
            " come to something else: one of the two was changed",
        )
        found = differences(_state_json(codec, entry), _state_json(codec, now), "interaction")
        return (
            Divergence(
                interaction_id=interaction.id,
                seq=entry.seq,
                place=place,
                at=None,
                event="",
                source=interaction.state,
                differences=tuple(found),
                cause=cause,
                part=self.part,
            ),
        )

    # --- rules ------------------------------------------------------------------------------------

    def take_asked(
        self, entry: Asked, place: str, seq: int
    ) -> tuple[Judged, tuple[Divergence, ...]]:
        """Take up what concerns only the rules of an interaction.

        Args:
            entry: The entry.
            place: Where it stands.
            seq: The number of the last record before it.

        Returns:
            What the rules decide now, and where that is not what was recorded.
        """
        known = self.known.get(entry.interaction_id)
        if known is None:
            return UNASKED, ()
        before = known.own or known.interaction
        if isinstance(entry, ActionsDone):
            self.set_rules(known, carried_out(before.rules, entry.ids))
            return UNASKED, ()
        judged = self.rules.about(before, known.org, entry.about, as_json(entry.ruling.to_json()))
        final = self.is_final(before)
        under = self.rules.digest
        rules = ruled(before.rules, entry.about, entry.ruling, final=final, under=under)
        self.set_rules(known, rules)
        known.org = entry.ruling.org
        if not judged.differences:
            return judged, ()
        divergence = Divergence(
            interaction_id=before.id,
            seq=seq,
            place=place,
            at=entry.at,
            event=entry.about.name,
            source=before.state,
            differences=judged.differences,
            cause=self.rules_cause(known, seq if self.wrong_between(known.seq, seq + 1) else 0),
            part=self.part,
        )
        return judged, (divergence,)

    def is_final(self, interaction: Interaction[Any]) -> bool:
        """Say whether an interaction does not leave its state."""
        states = self.steppers.present.codec.machine.spec.states
        return interaction.state in states and states[interaction.state].final

    @staticmethod
    def set_rules(known: Known, rules: RuleState | None) -> None:
        """Let an interaction remember what its rules know."""
        known.interaction = attrs.evolve(known.interaction, rules=rules)
        if known.own is not None:
            known.own = attrs.evolve(known.own, rules=rules)

    @staticmethod
    def rules_cause(known: Known, since: int = 0) -> Cause:
        """Return the explanation of another verdict of the very rules that were recorded.

        Args:
            known: The interaction.
            since: The record from which on nobody knows how it stands, beside what is known of
                that already; 0 for none.
        """
        doubted = known.doubted or since
        if doubted:
            return Cause(
                "earlier", f"since record {doubted} it is not sure how the interaction stood"
            )
        return Cause(
            "rules",
            "the rules are those that counted when it was recorded: the code behind them decides"
            " otherwise, or the record was changed",
        )


def _state_json(codec: RecordCodec[Any], entry: InteractionState) -> Any:  # noqa: ANN401 - JSON
    return parse_line(codec.encode_state(entry))["interaction"]
