"""The worlds that a proof walks through: an instance, the time, and what others owe it.

A machine is explored by stepping it, with its real guards and effects, through every world that
its sample events lead to. `Samples` is what the author of a machine gives for that; the engine's
share, timers that fire, is the same for all machines and is added here.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, cast

import attrs
from attrs import field, frozen

from hookflash.machines.errors import SpecError
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine, Step
from hookflash.machines.spec import Spec
from hookflash.machines.walkthroughs import Walkthrough

START = Instant(1_800_000_000_000_000)
"""The first moment of an exploration: in January 2027, so that no count is taken for an instant."""

TICK = 1_000
"""Microseconds between two events of an exploration: so few that no timer is overdue by them."""

NOBODY = "nobody's"
"""An owner, or an id, that nothing has."""

_INSTANT_MIN = START // 2
_ID = "proof-"


@frozen
class Asked:
    """An effect whose answer is owed: somebody carries it out and has promised to say how it went.

    Attributes:
        effect: The effect.
        at: When it was asked for.
    """

    effect: Any
    at: Instant


@frozen
class World:
    """One instance and what surrounds it.

    Attributes:
        interaction: The instance.
        policy: The policy that its machine runs under.
        now: When the last event came.
        drawn: How many ids were drawn.
        asked: The answers that are owed, by the name of the effect's class; of several effects of
            one class the latest.
    """

    interaction: Interaction[Any]
    policy: Any
    now: Instant = START
    drawn: int = 0
    asked: Mapping[str, Asked] = field(factory=dict[str, Asked])

    @property
    def next_at(self) -> Instant:
        """When the next event comes."""
        return Instant(self.now + TICK)

    @property
    def unused_id(self) -> str:
        """An id that nobody has used, for the next event."""
        return f"{_ID}{self.drawn + 1}"


Sample = Callable[[World], Any]
"""Returns an event that fits the world, or None where there is no such event in it."""


@frozen
class Samples:
    """What the author of a machine gives so that it can be explored.

    Attributes:
        events: A function for each sample, by the event's name; where an event has several
            variants worth telling apart, `name:variant`. Events of timers need none.
        policies: The policies to explore under, by names for people; None takes the default.
        view: What of a world can make a difference to any sample, now or later; worlds with the
            same view count as one. The default takes everything, with ids by the order of their
            first mention and instants by their order: it suits machines without counters that
            grow for ever.
        exceptions: Predicates for the names under `unless` in the definition, of an instance and
            a policy; the first line of each one's documentation is shown.
        still_owed: Whether the answer to an effect is still owed, asked after each later event
            with the instance after it; None: until one of the events of `[check.answers]` comes.
        walkthroughs: What `hookflash docs` tells of the machine, question by question, in the
            words of these samples; `hookflash check` takes no notice of them, nor of the next.
        words: What words of the field mean, for readers who do not know it.
    """

    events: Mapping[str, Sample]
    policies: Mapping[str, Any] = field(factory=lambda: {"default": None})
    view: Callable[[World], Hashable] | None = None
    exceptions: Mapping[str, Callable[[Interaction[Any], Any], bool]] = field(
        factory=dict[str, Callable[[Interaction[Any], Any], bool]]
    )
    still_owed: Callable[[Asked, Any, Interaction[Any]], bool] | None = None
    walkthroughs: tuple[Walkthrough, ...] = ()
    words: Mapping[str, str] = field(factory=dict[str, str])


# --- what happens next --------------------------------------------------------------------------


def alphabet(machine: Machine[Any, Any], samples: Samples) -> dict[str, tuple[str, Sample]]:
    """Return every sample by its label, with the event's name: the author's and the engine's."""
    letters = {label: (label.partition(":")[0], sample) for label, sample in samples.events.items()}
    for timer, spec in machine.spec.timers.items():
        for label, (name, sample) in _timer_samples(machine, timer, spec.event).items():
            letters.setdefault(label, (name, sample))
    return letters


def _timer_samples(
    machine: Machine[Any, Any], timer: str, event: str
) -> dict[str, tuple[str, Sample]]:
    """Return how a timer's event may come: in time, before its time, for another owner.

    Before its time, because a timer may be set anew while its event waits for its turn.
    """

    def in_time(world: World) -> Any:  # noqa: ANN401 - the timer's event
        running = world.interaction.timer(timer)
        if running is None:
            return None
        at = Instant(max(world.next_at, running.due_at))
        return machine.timer_event(running, at, world.unused_id)

    def early(world: World) -> Any:  # noqa: ANN401 - the timer's event
        running = world.interaction.timer(timer)
        if running is None or running.due_at <= world.next_at:
            return None
        return machine.timer_event(running, world.next_at, world.unused_id)

    def of_another(world: World) -> Any:  # noqa: ANN401 - the timer's event
        cls = machine.implementation.events[event]
        return cls(world.next_at, NOBODY, world.unused_id)

    return {
        event: (event, in_time),
        f"{event}:set anew": (event, early),
        f"{event}:of another owner": (event, of_another),
    }


def take(
    machine: Machine[Any, Any],
    samples: Samples,
    world: World,
    name: str,
    event: Any,  # noqa: ANN401 - any event
) -> tuple[World, Step[Any]]:
    """Step *event*, called *name*; return the world after it, and the step.

    Nothing but the time passes where the step changes nothing, and the time alone makes no
    difference: then the very same world comes back.

    Raises:
        SpecError: `Samples.still_owed` failed. What guards and effects raise comes through.
    """
    step = machine.step(world.interaction, event)
    asked = _still_asked(machine, samples, world, name, event, step)
    at = Instant(max(world.next_at, getattr(event, "at", world.next_at)))
    for effect in step.effects:
        if type(effect).__name__ in machine.spec.check.answers:
            asked[type(effect).__name__] = Asked(effect, at)
    if step.interaction is world.interaction and asked == world.asked:
        return world, step
    return World(step.interaction, world.policy, at, world.drawn + 1, asked), step


def _still_asked(  # noqa: PLR0917 - the parts of one step
    machine: Machine[Any, Any],
    samples: Samples,
    world: World,
    name: str,
    event: Any,  # noqa: ANN401 - any event
    step: Step[Any],
) -> dict[str, Asked]:
    """Return the answers that are owed as before, after *event*."""
    if samples.still_owed is None:
        answers = machine.spec.check.answers
        return {effect: one for effect, one in world.asked.items() if name not in answers[effect]}
    try:
        return {
            effect: one
            for effect, one in world.asked.items()
            if samples.still_owed(one, event, step.interaction)
        }
    except Exception as error:
        raise samples_failed(machine.spec, "still_owed", world, error) from error


def samples_failed(spec: Spec, name: str, world: World, error: Exception) -> SpecError:
    """Return the error that the function *name* of the samples failed in *world*."""
    where = spec.where("check")
    return SpecError(
        f"{where}: {name!r} of {spec.check.samples} failed in state {world.interaction.state!r}:"
        f" {type(error).__name__}: {error}",
        advice="correct the module of the samples",
        place=where,
    )


# --- views --------------------------------------------------------------------------------------


def whole_view(world: World) -> Hashable:
    """Return everything of *world*, with ids and instants replaced by their order.

    Ids that were drawn count by the order of their first mention, instants by their order among
    each other: two worlds that differ only in how late it is and how ids are spelled are one.
    """
    asked = tuple(sorted(world.asked.items()))
    values = list(_leaves((world.interaction, asked)))
    instants = {value for value in values if isinstance(value, int) and value >= _INSTANT_MIN}
    ranks = {instant: f"@{rank}" for rank, instant in enumerate(sorted(instants))}
    names: dict[str, str] = {}
    seen: list[Hashable] = []
    for value in values:
        if isinstance(value, str) and value.startswith(_ID):
            seen.append(names.setdefault(value, f"#{len(names)}"))
        else:
            seen.append(ranks.get(cast("int", value), value))
    return tuple(seen)


def _leaves(value: Any) -> Iterator[Hashable]:  # noqa: ANN401 - any part of an instance
    """Walk the values in *value*, with marks that keep different shapes apart."""
    cls: type[Any] = value.__class__
    if attrs.has(cls):
        yield cls.__name__
        for one in attrs.fields(cls):
            yield from _leaves(getattr(value, one.name))
    elif isinstance(value, Mapping):
        yield "{"
        for key, part in cast("Mapping[Any, Any]", value).items():  # type: ignore[redundant-cast]  # pyright needs it
            yield from _leaves(key)
            yield from _leaves(part)
        yield "}"
    elif isinstance(value, tuple | list):
        yield "("
        for part in cast("tuple[Any, ...]", value):
            yield from _leaves(part)
        yield ")"
    elif isinstance(value, frozenset | set):
        yield from _leaves(sorted(cast("set[Any]", value), key=repr))
    else:
        yield value
