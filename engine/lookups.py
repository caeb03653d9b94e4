"""Lookups: asking the gateway, a bounded number at a time, what is urgent first."""

from collections import deque
from collections.abc import Callable

import trio
from attrs import field, frozen, validators

from hookflash.engine.instances import Instance
from hookflash.engine.logs import get_logger
from hookflash.engine.ports import Gateway, LookupAnswer
from hookflash.machines.errors import HookflashError

_log = get_logger("hookflash.engine.lookups")


@frozen(kw_only=True)
class LookupSettings:
    """How the gateway is asked.

    Attributes:
        ttl_s: How long the facts of an answer are reused; 60 s is the protocol's.
        concurrency: How many urgent lookups are under way at a time. An HTTP pool slows down with
            its number of connections: few are faster than many.
        background_per_s: How many lookups that nobody waits for are started per second, after a
            reconnect for instance.
    """

    ttl_s: float = field(default=60.0, validator=[validators.ge(0.0), validators.le(3600.0)])
    concurrency: int = field(default=8, validator=[validators.ge(1), validators.le(64)])
    background_per_s: float = field(
        default=100.0, validator=[validators.ge(0.1), validators.le(10_000.0)]
    )


class Lookups:
    """Asks for interactions that are queued, one lookup per interaction at a time.

    An interaction that is asked for again while its lookup is under way is asked once more
    afterwards, because only a lookup begun after a doubt says anything about it.

    Args:
        gateway: Whom to ask.
        settings: How.
        answered: Called with each answer.
        failed: Called with each failure.
    """

    def __init__(
        self,
        gateway: Gateway,
        settings: LookupSettings,
        *,
        answered: Callable[[Instance, LookupAnswer], None],
        failed: Callable[[Instance, HookflashError], None],
    ) -> None:
        self._gateway = gateway
        self._settings = settings
        self._answered = answered
        self._failed = failed
        self._urgent: deque[Instance] = deque()
        self._background: deque[Instance] = deque()
        self._idle = trio.lowlevel.ParkingLot()
        self._background_bell = trio.lowlevel.ParkingLot()

    def ask(self, instance: Instance, *, urgent: bool) -> None:
        """Queue a lookup of *instance*. Never blocks.

        The queues are bounded by the number of interactions: each stands at most once in each.
        """
        if instance.lookup == "asking":
            instance.ask_again = True
            return
        newly = instance.lookup == "none"
        instance.lookup = "queued"
        if urgent:
            # One that waits in the background as well is skipped there when its turn comes.
            self._urgent.append(instance)
            self._idle.unpark()
        elif newly:
            self._background.append(instance)
            self._background_bell.unpark()

    async def run(self) -> None:
        """Ask until cancelled."""
        async with trio.open_nursery() as nursery:
            for _ in range(self._settings.concurrency):
                nursery.start_soon(self._ask_urgent)
            nursery.start_soon(self._ask_background)

    async def _ask_urgent(self) -> None:
        while True:
            while not self._urgent:
                await self._idle.park()
            await self._ask(self._urgent.popleft())

    async def _ask_background(self) -> None:
        pause_s = 1.0 / self._settings.background_per_s
        while True:
            while not self._background:
                await self._background_bell.park()
            instance = self._background.popleft()
            if instance.lookup == "queued":
                # Through the workers' queue, so that the bound on concurrency is one for all.
                self._urgent.append(instance)
                self._idle.unpark()
                await trio.sleep(pause_s)

    async def _ask(self, instance: Instance) -> None:
        if instance.lookup != "queued":
            await trio.lowlevel.checkpoint()
            return
        instance.lookup = "asking"
        instance.ask_again = False
        try:
            answer = await self._gateway.look_up(instance.id)
        except HookflashError as error:
            instance.lookup = "none"
            _log.debug("lookup.failed", interaction=instance.id, reason=error.message)
            for command in instance.waiting or ():
                command.lookup_error = error
            self._failed(instance, error)
        else:
            instance.lookup = "none"
            self._answered(instance, answer)
        if instance.ask_again and instance.lookup == "none":
            self.ask(instance, urgent=True)
