"""A decision while it is made: what rules remember, their timers, and what is told about them."""

from attrs import evolve

from hookflash.machines.effects import StartTimer, StopTimer
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Timer
from hookflash.machines.rules.actions import Action
from hookflash.machines.rules.decision import Decision, TimerChange
from hookflash.machines.rules.facts import RuleEvent
from hookflash.machines.rules.index import Watched
from hookflash.machines.rules.memory import (
    Acted,
    History,
    Queued,
    RuleMemory,
    Run,
    Seen,
    Wait,
    WaitKind,
    make_rule_memory,
)
from hookflash.machines.rules.rule import Rule
from hookflash.machines.rules.trace import RuleTrace, TimerTrace, make_trace

QUEUE_MAX = 10
"""Triggers of one rule that wait for their turn; as many as Home Assistant keeps."""

RUN_MAX_US = 600_000_000
"""A command whose end nobody told of in ten minutes counts as ended: no command takes so long,
and a rule must not be busy for ever."""


class Draft:
    """What an evaluation works on. It never changes the memory it was given, only replaces it."""

    def __init__(self, memory: RuleMemory, at: Instant) -> None:
        self.memory = memory
        self.at = at
        self.timers: list[TimerChange] = []
        self.actions: list[Action] = []
        self.traces: list[RuleTrace] = []
        self.warnings: list[str] = []
        self.freed: list[str] = []
        self.alarm = ""

    def decision(self, interaction: str, event: str) -> Decision:
        """Return what was decided."""
        trace = make_trace(self.at, interaction, event, tuple(self.traces), tuple(self.warnings))
        return Decision(tuple(self.actions), tuple(self.timers), trace, self.memory, self.alarm)

    # --- what is remembered -----------------------------------------------------------------

    def remember_history(self, history: History) -> None:
        """Take over the interaction's history; nothing happens where it is the same object."""
        if history is not self.memory.history:
            known = self.memory
            self.memory = make_rule_memory(
                history,
                known.seen,
                known.waits,
                known.runs,
                known.queue,
                known.acted,
                known.commands_at,
                known.serial,
                known.alarmed_at,
            )

    def remember_seen(self, watched: Watched) -> None:
        """Note that something has happened that temporal conditions ask about."""
        memory, text = self.memory, watched.pattern.text
        times = (*memory.seen_at(text), self.at)[-watched.depth - 1 :]
        others = tuple(one for one in memory.seen if one.pattern != text)
        self.memory = evolve(memory, seen=(*others, Seen(text, times)))

    def remember_acted(self, rule: Rule) -> None:
        """Note that a rule with `once_within` acted."""
        others = tuple(one for one in self.memory.acted if one.rule != rule.name)
        self.memory = evolve(self.memory, acted=(*others, Acted(rule.name, self.at)))

    # --- waits ------------------------------------------------------------------------------

    def start_wait(
        self, rule: Rule, kind: WaitKind, due_at: Instant, event: RuleEvent
    ) -> TimerTrace:
        """Let the rule wait, in place of what it waits for already."""
        memory = self.memory
        serial = memory.serial + 1
        wait = Wait(rule.name, kind, f"{rule.name}#{serial}", due_at, event)
        others = tuple(one for one in memory.waits if one.rule != rule.name)
        self._set_waits((*others, wait), serial)
        self.timers.append(StartTimer(Timer(rule.timer_name(), wait.owner, due_at)))
        return TimerTrace("started", rule.timer_name(), due_at)

    def stop_wait(self, wait: Wait, why: str) -> TimerTrace:
        """Let a rule wait no more."""
        self.end_wait(wait)
        name = f"rule:{wait.rule}"
        self.timers.append(StopTimer(name))
        return TimerTrace("stopped", name, wait.due_at, why)

    def end_wait(self, wait: Wait) -> None:
        """Forget a wait whose timer fired."""
        memory = self.memory
        self._set_waits(tuple([one for one in memory.waits if one is not wait]), memory.serial)
        self.freed.append(wait.rule)

    def _set_waits(self, waits: tuple[Wait, ...], serial: int) -> None:
        known = self.memory
        self.memory = make_rule_memory(
            known.history,
            known.seen,
            waits,
            known.runs,
            known.queue,
            known.acted,
            known.commands_at,
            serial,
            known.alarmed_at,
        )

    # --- commands and queues ----------------------------------------------------------------

    def is_acting(self, rule: str) -> bool:
        """Say whether commands of the rule are under way."""
        run = self.memory.run_of(rule)
        return run is not None and self.at - run.since < RUN_MAX_US

    def begin_commands(self, rule: Rule, count: int) -> None:
        """Note that commands of the rule are under way."""
        memory = self.memory
        run = memory.run_of(rule.name)
        under_way = 0 if run is None or not self.is_acting(rule.name) else run.commands
        others = tuple(one for one in memory.runs if one.rule != rule.name)
        begun = Run(rule.name, self.at, under_way + count)
        self.memory = evolve(memory, runs=(*others, begun))

    def end_command(self, rule: str) -> None:
        """Note that a command of the rule ended."""
        memory = self.memory
        run = memory.run_of(rule)
        if run is None:
            return
        others = tuple(one for one in memory.runs if one.rule != rule)
        if run.commands > 1:
            others = (*others, evolve(run, commands=run.commands - 1))
        else:
            self.freed.append(rule)
        self.memory = evolve(memory, runs=others)

    def enqueue(self, rule: Rule, event: RuleEvent) -> bool:
        """Let a trigger wait for its turn; say whether there was room."""
        queue = self.memory.queue
        if sum(one.rule == rule.name for one in queue) >= QUEUE_MAX:
            return False
        self.memory = evolve(self.memory, queue=(*queue, Queued(rule.name, event)))
        return True

    def dequeue(self, rule: str) -> RuleEvent | None:
        """Return the rule's oldest waiting trigger and forget it; None where none waits."""
        queue = self.memory.queue
        for place, one in enumerate(queue):
            if one.rule == rule:
                self.memory = evolve(self.memory, queue=(*queue[:place], *queue[place + 1 :]))
                return one.event
        return None

    def keep_only(self, rules: frozenset[str]) -> None:
        """Forget what is under way of all rules but these."""
        memory = self.memory
        runs = tuple([run for run in memory.runs if run.rule in rules])
        queue = tuple([one for one in memory.queue if one.rule in rules])
        if len(runs) != len(memory.runs) or len(queue) != len(memory.queue):
            self.memory = evolve(memory, runs=runs, queue=queue)

    def forget_all(self) -> None:
        """Forget what is under way: the interaction is over."""
        for wait in self.memory.waits:
            self.timers.append(StopTimer(f"rule:{wait.rule}"))
        if self.memory.waits or self.memory.runs or self.memory.queue:
            self.memory = evolve(self.memory, waits=(), runs=(), queue=())
