"""What rules decide and leave behind, for tests: examples, and strategies for any of it."""

from typing import Any, cast

import attrs
from hypothesis import strategies as st
from tests.machines.recorded import INSTANTS, PRIMITIVES, TEXTS, instances_of, values_of

from hookflash.machines.instants import Instant, from_text
from hookflash.machines.records import ActionsDone, RulesAsked, RulesChange
from hookflash.machines.redaction import redact
from hookflash.machines.rules.actions import (
    ACTIONS,
    AnnotateAction,
    CallAction,
    ExpireAction,
    ExtendLimitAction,
    HoldAction,
    NotifyAction,
    RuleAction,
    UnholdAction,
)
from hookflash.machines.rules.facts import RuleEvent, RuleTimerFired
from hookflash.machines.rules.memory import (
    Acted,
    History,
    Queued,
    RuleMemory,
    Run,
    Seen,
    Wait,
)
from hookflash.machines.rules.ruling import PlannedAction, RuleState, Ruling
from hookflash.machines.rules.trace import (
    ActionTrace,
    ClauseTrace,
    RuleTrace,
    TemporalTrace,
    TimerTrace,
    Trace,
)
from hookflash.machines.rules.written import KNOWN_WORDS

AT = from_text("2026-11-22T18:22:01.123456Z")
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
ACTION_ID = "35bf992d-c9e9-4616-a12e-7696a6cecc1b"
LATER = Instant(AT + 300_000_000)
EVENT = RuleEvent(AT, "acknowledged", "hold_pending", "held", "caller", "confirmed", "hold")

MEMORY = RuleMemory(
    History(AT, "held", AT, 1, hold_id=ID, hold_since=AT),
    (Seen("entered held", (AT,)),),
    (Wait("too-long", "for", "too-long#1", LATER, EVENT),),
    (Run("release", AT, 1),),
    (Queued("release", EVENT),),
    (Acted("release", AT),),
    (AT,),
    1,
)
TRACE = Trace(
    AT,
    ID,
    "acknowledged",
    (
        RuleTrace(
            "release",
            "entered held",
            "acted",
            "",
            (
                ClauseTrace('hold.reason == "x"', True, (("hold.reason", "x"),)),  # noqa: FBT003
                ClauseTrace("hold.share > 0.8", None, (), "hold.share: no value"),
            ),
            (TemporalTrace("count: entered held", True, "once"),),  # noqa: FBT003 - it holds
            (TimerTrace("started", "rule:too-long", LATER),),
            (ActionTrace("unhold, priority 9", "taken"), ActionTrace("hold", "suppressed", "y")),
        ),
    ),
    ("two rules contradict each other",),
)
PLANNED = (
    PlannedAction(ACTION_ID, UnholdAction("release", 9)),
    PlannedAction(ACTION_ID, HoldAction("hold-again", "x", 5, music="m")),
    PlannedAction(ACTION_ID, ExpireAction("expire")),
    PlannedAction(ACTION_ID, ExtendLimitAction("extend", 90.5)),
    PlannedAction(ACTION_ID, NotifyAction("tell", "supervisor", "on hold")),
    PlannedAction(ACTION_ID, AnnotateAction("note", "released")),
    PlannedAction(ACTION_ID, CallAction("call", "requeue", (("to", "x"), ("share", 0.5)))),
)
RULING = Ruling(MEMORY, TRACE, PLANNED, "org-1", "rules gave 10 commands")
SMALL_RULING = Ruling(
    RuleMemory(serial=1),
    Trace(AT, ID, "sent", (RuleTrace("one", "sent", "acted"),)),
    PLANNED[2:3],
    "o",
)
KEPT = RuleState(RuleMemory(serial=2), PLANNED[2:3])
CHANGE = RulesChange(AT, "0f" * 32, '[[rule]]\nname = "one"\n')
ASKED = RulesAsked(AT, ID, RuleTimerFired(AT, "rule:one", "one#1"), SMALL_RULING)
TOLD_EVENT = RulesAsked(AT, ID, RuleEvent(AT, "agent_back", "held", "held"), Ruling(RuleMemory()))
DONE = ActionsDone(ID, (ACTION_ID, "other"))

ARGUMENTS = st.dictionaries(
    st.sampled_from(["to", "queue", "share", "flag"]),
    TEXTS | PRIMITIVES[int] | PRIMITIVES[float] | st.booleans(),
).map(lambda found: tuple(found.items()))


def _asked(about: RuleEvent | RuleTimerFired, name: str, ruling: Ruling) -> RulesAsked:
    return RulesAsked(about.at, name, about, ruling)


def _actions() -> st.SearchStrategy[Any]:
    return st.one_of(
        *(
            instances_of(cls, **({"arguments": ARGUMENTS} if cls is CallAction else {}))
            for cls in ACTIONS
        )
    )


PLANS = st.builds(PlannedAction, TEXTS, _actions())
MEMORIES = cast("st.SearchStrategy[RuleMemory]", instances_of(RuleMemory))
RULINGS = st.builds(
    Ruling,
    MEMORIES,
    values_of(Trace | None),
    st.lists(PLANS, max_size=3).map(tuple),
    st.none() | TEXTS,
    TEXTS,
)
STATES = st.builds(RuleState, MEMORIES, st.lists(PLANS, max_size=3).map(tuple))
ASIDES = st.one_of(
    st.builds(RulesChange, INSTANTS, TEXTS, TEXTS),
    st.builds(ActionsDone, TEXTS, st.lists(TEXTS, max_size=3).map(tuple)),
    st.builds(
        _asked,
        instances_of(RuleEvent) | instances_of(RuleTimerFired),
        TEXTS,
        RULINGS,
    ),
)


_ALL_REDACTED = (PlannedAction, RuleAction, Ruling, RuleState)


def redacted(value: Any) -> Any:
    """Return *value* as it is to come out of a file: without anything that looks like a secret."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, tuple):
        listed: tuple[Any, ...] = value  # pyright: ignore[reportUnknownVariableType]
        return tuple(redacted(one) for one in listed)
    if isinstance(value, CallAction):
        arguments = tuple((name, _argument(one)) for name, one in value.arguments)
        return attrs.evolve(value, arguments=arguments)
    cls: Any = value.__class__
    if attrs.has(cls):
        fields = {
            one.name: redacted(getattr(value, one.name))
            for one in attrs.fields(cls)
            if one.init and (one.name not in KNOWN_WORDS or issubclass(cls, _ALL_REDACTED))
        }
        return attrs.evolve(value, **fields)
    return value


def _argument(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if redact(str(value)) == str(value) else redact(str(value))
    return redacted(value)
