"""The rule desk: which rules count, and how an interaction comes to be under them."""

from collections.abc import Callable, Iterable
from typing import final

import trio
from attrs import evolve

from hookflash.engine.acting import ActionRunner
from hookflash.engine.commands import Command
from hookflash.engine.desk import CommandDesk
from hookflash.engine.dispatcher import MAILBOX_MAX, Dispatcher
from hookflash.engine.effects import EffectRunner
from hookflash.engine.instances import Instance, Instances
from hookflash.engine.metrics import Metrics
from hookflash.engine.ports import (
    Clock,
    Journal,
    Monitors,
)
from hookflash.engine.rule_messages import Remark
from hookflash.engine.rulings import LOADED, Ruled, Rulings
from hookflash.engine.timers import Deadlines
from hookflash.machines.records import RulesChange
from hookflash.machines.rules.facts import RuleEvent
from hookflash.machines.rules.ruleset import Rules


@final
class RuleDesk:
    """Puts rules in force, carries interactions over to them, and has their actions carried out.

    Beside what is public here it is the action runner's `ActionSink`.

    Args:
        rulings: Asks the rules.
        instances: The interactions.
        dispatcher: Where events are posted.
        deadlines: Where timers run.
        desk: Where commands are given.
        runner: Where remarks are written with the audit lines of a turn.
        journal: Where it stands which rules count.
        monitors: Who is notified.
        clock: Time.
        metrics: Where actions are counted.
        deadline_s: Seconds until a hold of a rule that has not left is given up; None never.
        is_overdue: Tells whether the gateway is asked about an interaction before its timers run.
    """

    def __init__(
        self,
        rulings: Rulings,
        *,
        instances: Instances,
        dispatcher: Dispatcher,
        deadlines: Deadlines,
        desk: CommandDesk,
        runner: EffectRunner,
        journal: Journal,
        monitors: Monitors,
        clock: Clock,
        metrics: Metrics,
        deadline_s: float | None,
        is_overdue: Callable[[Instance], bool],
    ) -> None:
        self._is_overdue = is_overdue
        self._rulings = rulings
        self._instances = instances
        self._dispatcher = dispatcher
        self._deadlines = deadlines
        self._desk = desk
        self._runner = runner
        self._journal = journal
        self._clock = clock
        self._acting = ActionRunner(
            clock=clock,
            deadlines=deadlines,
            monitors=monitors,
            metrics=metrics,
            sink=self,
            deadline_s=deadline_s,
        )

    @property
    def in_force(self) -> Rules | None:
        """The rules that count; None for none."""
        return self._rulings.rules

    def resume(self, rules: Rules | None, before: Rules | None, journaled: str) -> None:
        """Let rules count from the start; when interactions were adopted, before anything runs.

        Args:
            rules: The rules; None for none.
            before: Those that counted at the end of the last run; None where there were none, or
                they cannot be read any more.
            journaled: The digest of those, as the journal has it; empty for none.

        Raises:
            JournalError: That others count now could not be written.
        """
        if ("" if rules is None else rules.digest) == journaled:
            self._rulings.put(rules, None)
            self._carry_over(self._left_behind())
        else:
            self.load(rules, before)
        if rules is not None:
            for instance in self._instances:
                if not self._is_overdue(instance):
                    self.start_timers(instance)

    def start_timers(self, instance: Instance) -> None:
        """Let the timers of an interaction's rules run on towards their deadlines."""
        if self._rulings.rules is not None:
            for timer in instance.rule_timers():
                self._deadlines.start(instance, timer)

    def _left_behind(self) -> list[Instance]:
        """Return those that an earlier run had not carried over when it ended."""
        digest = self._rulings.digest
        return [
            instance
            for instance in self._instances
            if digest and self._may_concern(instance) and _under(instance) != digest
        ]

    def _may_concern(self, instance: Instance) -> bool:
        """Tell whether other rules can mean anything to an interaction by themselves."""
        interaction = instance.interaction
        rules = self._rulings.rules
        return not instance.begins and (
            interaction.rules is not None
            or bool(interaction.timers)
            or (rules is not None and rules.has_schedules)
        )

    def _carry_over(self, instances: Iterable[Instance]) -> None:
        for instance in instances:
            self.report(instance, LOADED)

    def load(self, rules: Rules | None, before: Rules | None) -> None:
        """Let other rules count, and carry every interaction over to them.

        All at once: what is stepped after this call is put to the new ones. The interactions follow
        in turns of the dispatcher, so that commands go on meanwhile.

        Args:
            rules: The rules; None for none.
            before: Those from which waits are carried over; None for none.

        Raises:
            JournalError: It could not be written; the old ones go on.
        """
        digest, text = ("", "") if rules is None else (rules.digest, rules.text)
        change = RulesChange(self._clock.now(), digest, text)
        self._journal.append((), (), None, [(change, None)])
        self._rulings.put(rules, before)
        if rules is None:
            for instance in self._instances:
                if instance.interaction.rules is not None:
                    instance.interaction = evolve(instance.interaction, rules=None)
            return
        self._carry_over(one for one in self._instances if self._may_concern(one))

    def report(self, instance: Instance, name: str) -> bool:
        """Put an event of the rules file's own to the rules.

        Returns:
            False where too many events wait for the interaction already; nothing happens then.
        """
        if instance.mailbox is not None and len(instance.mailbox) >= MAILBOX_MAX:
            return False
        state = instance.interaction.state
        self.post(instance, RuleEvent(self._clock.now(), name, state, state))
        return True

    def begin(self, nursery: trio.Nursery) -> None:
        """Take up that the engine runs, and the actions that an earlier run did not get to."""
        self._acting.begin(nursery)
        if self._rulings.rules is not None:
            for instance in list(self._instances):
                self._acting.take_up(instance)

    def carry(self, instance: Instance, ruled: Ruled) -> None:
        """Carry out what rules decided."""
        self._acting.carry(instance, ruled)

    # --- what the action runner needs -------------------------------------------------------------

    def post(self, instance: Instance, event: object) -> None:
        """Put an event into the interaction's mailbox."""
        self._dispatcher.post(instance, event)

    def submit(self, instance: Instance, command: Command) -> None:
        """Take a command of a rule; one that cannot wait ends as refused."""
        self._desk.submit_for(instance, command)

    def give_up(self, command: Command) -> None:
        """End a command of a rule, if it has not left."""
        self._desk.give_up(command)

    def drop(self, instance: Instance, command: Command, message: str) -> None:
        """Write down that a command of a rule was never given to the machine."""
        self._desk.drop(instance, command, message)

    def remark(self, remark: Remark, interaction_id: str) -> None:
        """Write a remark into the audit log, with the lines of this turn."""
        self._runner.remark(remark, interaction_id)


def _under(instance: Instance) -> str:
    rules = instance.interaction.rules
    return "" if rules is None else rules.under
