"""What follows from one event: actions, timers, the trace, and what is remembered."""

from attrs import frozen

from hookflash.machines.effects import StartTimer, StopTimer
from hookflash.machines.making import maker
from hookflash.machines.rules.actions import Action
from hookflash.machines.rules.memory import RuleMemory
from hookflash.machines.rules.trace import Trace

TimerChange = StartTimer | StopTimer
"""A rule's timer is started, in place of one of its name, or stopped."""


@frozen(weakref_slot=False)
class Decision:
    """What follows from one event.

    Attributes:
        actions: What is to be done, in order.
        timers: The timers to start and to stop, in order. One that fires comes back to `evaluate`
            as a `RuleTimerFired`.
        trace: Why, and why not. It has no rules where none was concerned.
        memory: What the rules remember from now on; the very same object where nothing changed.
        alarm: Why somebody must look: rules were stopped because they give commands without end.
            Empty otherwise.
    """

    actions: tuple[Action, ...]
    timers: tuple[TimerChange, ...]
    trace: Trace
    memory: RuleMemory
    alarm: str = ""


make_decision = maker(Decision)
"""This makes the same as the class, in less time."""
