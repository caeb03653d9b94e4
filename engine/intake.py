"""The intake: what the gateway tells and answers, turned into events of the machine."""

import itertools
from collections.abc import Collection

from hookflash.engine.dispatcher import Dispatcher
from hookflash.engine.instances import Instance, Instances
from hookflash.engine.logs import get_logger
from hookflash.engine.lookups import Lookups
from hookflash.engine.metrics import Metrics
from hookflash.engine.ports import (
    Clock,
    FrameAcknowledged,
    FrameRefused,
    FrameWritten,
    LookupAnswer,
    StateSeen,
)
from hookflash.machines.errors import CommandBusy
from hookflash.machines.events import (
    Acknowledged,
    LinkLost,
    LinkRestored,
    LookupFailed,
    ObservedActive,
    ObservedClosed,
    ObservedHeld,
    Refused,
    Sent,
    Source,
)
from hookflash.machines.instants import Instant, after
from hookflash.machines.interaction import Facts

_log = get_logger("hookflash.engine.intake")

CLOSED_STATES = frozenset({"closed", "abandoned", "not_found"})
"""What the gateway calls an interaction that is over, and what a lookup that finds none says."""

_FORGET_LOOK_MAX = 16
"""How many of the oldest frames are looked at when one is to be forgotten: a bound on the work."""

_GRACE_S = 0.25
"""How long an answer serves the commands that waited for it, should it be older than its life."""


class Intake:
    """Posts what is heard into the mailboxes of the interactions it is about.

    Args:
        instances: The interactions.
        dispatcher: Where events are posted.
        lookups: Where is asked for what was missed.
        clock: Time and ids for the events.
        metrics: Where answers that nobody waits for are counted.
        correlations_max: How many frames are remembered for their answers.
        facts_ttl_s: How long the facts of an answer are reused.
        only: The interactions, in lower case, that may begin here because of what the gateway
            says unasked; None for all. The others may stand in the journal for a later run.
    """

    def __init__(
        self,
        *,
        instances: Instances,
        dispatcher: Dispatcher,
        lookups: Lookups,
        clock: Clock,
        metrics: Metrics,
        correlations_max: int,
        facts_ttl_s: float,
        only: Collection[str] | None = None,
    ) -> None:
        self._instances = instances
        self._dispatcher = dispatcher
        self._lookups = lookups
        self._clock = clock
        self._metrics = metrics
        self._correlations: dict[str, Instance] = {}
        self._correlations_max = correlations_max
        self._facts_ttl_s = facts_ttl_s
        self._only = only

    # --- frames and their answers -----------------------------------------------------------------

    def register(self, correlation_id: str, instance: Instance) -> None:
        """Remember whose frame this is; beyond the bound the oldest are forgotten.

        One that its command still waits for is never forgotten: nobody would learn what became of
        it. There is at most one for each interaction.
        """
        correlations = self._correlations
        if len(correlations) >= self._correlations_max:
            for oldest in list(itertools.islice(correlations, _FORGET_LOOK_MAX)):
                owner = correlations.pop(oldest)
                pending = owner.interaction.pending
                if pending is None or pending.correlation_id != oldest:
                    break
                correlations[oldest] = owner
        correlations[correlation_id] = instance

    def written(self, news: FrameWritten) -> bool:
        """A frame was written; False where it is not known."""
        return self._route(news.correlation_id, Sent)

    def acknowledged(self, news: FrameAcknowledged) -> bool:
        """A frame was acknowledged; False where it is not known."""
        return self._route(news.correlation_id, Acknowledged)

    def refused(self, news: FrameRefused) -> bool:
        """A frame was refused; False where it is not known."""
        instance = self._owner(news.correlation_id)
        if instance is None:
            return False
        self._dispatcher.post(
            instance,
            Refused(
                self._clock.now(),
                news.correlation_id,
                self._clock.new_id(),
                news.state,
                news.code,
                news.message,
                news.retry_after_s,
            ),
        )
        return True

    def _route(self, correlation_id: str, event: type[Acknowledged] | type[Sent]) -> bool:
        instance = self._owner(correlation_id)
        if instance is None:
            return False
        self._dispatcher.post(instance, event(self._clock.now(), correlation_id))
        return True

    def _owner(self, correlation_id: str) -> Instance | None:
        """Return whose frame it is; None where that was forgotten or never known."""
        instance = self._correlations.get(correlation_id)
        if instance is None or self._instances.get(instance.id) is not instance:
            self._metrics.unknown_answer()
            return None
        return instance

    # --- observations -----------------------------------------------------------------------------

    def seen(self, news: StateSeen) -> None:
        """The gateway said unasked in which state an interaction is."""
        instance = self._instances.get(news.interaction_id)
        if instance is None:
            if news.state != "held":
                return  # nobody is on hold, and nobody asked: nothing to remember
            if self._only is not None and news.interaction_id.lower() not in self._only:
                return
            try:
                instance = self._instances.get_or_start(news.interaction_id)
            except CommandBusy as error:
                _log.error("interactions.full", reason=error.message)
                return
        now = self._clock.now()
        event = self._observation(news.state, "frame", now, news.held_since, None)
        if event is not None:
            self._dispatcher.post(instance, event)

    def answered(self, instance: Instance, answer: LookupAnswer) -> bool:
        """A lookup brought an answer.

        Returns:
            Whether the machine is told; False for a state that is no event.
        """
        self._metrics.lookup(ok=True)
        instance.facts = answer.facts
        # A command that waited for this very answer can use it, however slow the answer was.
        instance.facts_until = max(
            after(answer.as_of, self._facts_ttl_s), after(self._clock.now(), _GRACE_S)
        )
        event = self._observation(
            answer.state, "lookup", answer.as_of, answer.held_since, answer.facts
        )
        if event is not None:
            instance.machine_asks = False
            self._dispatcher.post(instance, event)
            return True
        if instance.machine_asks and not instance.ask_again:
            self.lookup_failed(instance, f"the state {answer.state!r} decides nothing")
        return False

    def lookup_failed(self, instance: Instance, reason: str) -> None:
        """A lookup that the machine waits for decided nothing."""
        instance.machine_asks = False
        self._dispatcher.post(instance, LookupFailed(self._clock.now(), reason))

    def _observation(
        self,
        state: str,
        source: Source,
        as_of: Instant,
        held_since: Instant | None,
        facts: Facts | None,
    ) -> ObservedHeld | ObservedActive | ObservedClosed | None:
        """Return the event for a state that the gateway named; None for one that is no event."""
        now = self._clock.now()
        if state == "held":
            since = None if held_since is None else self._clock.from_wall(held_since)
            return ObservedHeld(now, as_of, source, self._clock.new_id(), since, facts)
        if state == "active":
            return ObservedActive(now, as_of, source, self._clock.new_id(), facts)
        if state in CLOSED_STATES:
            return ObservedClosed(now, as_of, source, state, facts)
        return None

    # --- the link ---------------------------------------------------------------------------------

    def link_lost(self) -> None:
        """The control socket was lost: those whose machine reacts to that are told."""
        now = self._clock.now()
        for instance in list(self._instances):
            if instance.machine.reacts(instance.interaction.state, LinkLost):
                self._dispatcher.post(instance, LinkLost(now))

    def link_restored(self) -> None:
        """The control socket is open again: find out what was missed.

        Where a machine does not ask by itself, because no command and no hold is at stake, the
        engine does: somebody else may have put the caller on hold meanwhile, and no frame will
        ever tell.
        """
        now = self._clock.now()
        for instance in list(self._instances):
            state = instance.interaction.state
            if instance.machine.reacts(state, LinkRestored):
                self._dispatcher.post(instance, LinkRestored(now))
            elif not instance.machine.spec.states[state].final:
                self._lookups.ask(instance, urgent=False)
