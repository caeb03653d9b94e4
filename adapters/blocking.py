"""The same controller for plain blocking code, and for asyncio programs through threads.

A trio loop of its own runs in a thread behind anyio's blocking portal. Every method may be called
from several threads at once; each call blocks its own thread until the answer is there. From
asyncio: `await asyncio.to_thread(controller.hold, ...)`.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from types import EllipsisType
from typing import TYPE_CHECKING, Any, final

from anyio.from_thread import BlockingPortal, start_blocking_portal

from hookflash.engine.commands import CommandResult
from hookflash.engine.controller import Controller
from hookflash.engine.metrics import MetricsSnapshot
from hookflash.engine.ports import LookupAnswer, Monitor
from hookflash.engine.snapshots import InteractionSnapshot
from hookflash.machines.rules.ruleset import RulesDiff

if TYPE_CHECKING:
    from hookflash.adapters.settings import Settings


@final
class BlockingController:
    """A `Controller` for threads; made by `hookflash.blocking.open_controller`.

    Its methods mean, return and raise what those of `Controller` do. They may be called from any
    thread but the portal's own; after the context was left they raise `RuntimeError`.
    """

    def __init__(self, controller: Controller, portal: BlockingPortal) -> None:
        self._controller = controller
        self._portal = portal

    def hold(
        self,
        interaction_id: str,
        *,
        reason: str,
        priority: int,
        music: str | None = None,
        prompt: str | None = None,
        deadline_s: float | EllipsisType | None = ...,
        actor: str = "caller",
    ) -> CommandResult:
        """Put a caller on hold; see `Controller.hold`. Blocks until the outcome is known."""
        return self._portal.call(
            partial(
                self._controller.hold,
                interaction_id,
                reason=reason,
                priority=priority,
                music=music,
                prompt=prompt,
                deadline_s=deadline_s,
                actor=actor,
            )
        )

    def unhold(
        self,
        interaction_id: str,
        *,
        priority: int,
        force: bool = False,
        deadline_s: float | EllipsisType | None = ...,
        actor: str = "caller",
    ) -> CommandResult:
        """Take a caller off hold; see `Controller.unhold`. Blocks until the outcome is known."""
        return self._portal.call(
            partial(
                self._controller.unhold,
                interaction_id,
                priority=priority,
                force=force,
                deadline_s=deadline_s,
                actor=actor,
            )
        )

    def look_up(self, interaction_id: str) -> LookupAnswer:
        """Ask the gateway about an interaction now; see `Controller.look_up`."""
        return self._portal.call(self._controller.look_up, interaction_id)

    def wait_connected(self, timeout_s: float | None = None) -> None:
        """Block until the control socket is open; see `Controller.wait_connected`."""
        self._portal.call(self._controller.wait_connected, timeout_s)

    def add_monitor(
        self, monitor: Monitor, *, name: str | None = None, rules_only: bool = False
    ) -> None:
        """Call *monitor* after each outcome; see `Controller.add_monitor`."""
        add = partial(self._controller.add_monitor, monitor, name=name, rules_only=rules_only)
        self._portal.call(add)

    def report(self, interaction_id: str, event: str) -> bool:
        """Put an event of the rules file's own to the rules; see `Controller.report`."""
        return self._portal.call(self._controller.report, interaction_id, event)

    def reload_rules(self) -> RulesDiff:
        """Load the rules file anew; see `Controller.reload_rules`."""
        return self._portal.call(self._controller.reload_rules)

    def metrics(self) -> MetricsSnapshot:
        """Return the figures so far."""
        return self._portal.call(self._controller.metrics)

    def interaction(self, interaction_id: str) -> InteractionSnapshot | None:
        """Return what the engine knows of an interaction; None where it knows nothing."""
        return self._portal.call(self._controller.interaction, interaction_id)

    def interactions(self) -> list[InteractionSnapshot]:
        """Return all interactions that the engine knows, those on hold first."""
        return self._portal.call(self._controller.interactions)


@contextmanager
def open_controller(
    settings: "Settings",
    **options: Any,  # noqa: ANN401 - composition has them
) -> Generator[BlockingController, None, None]:
    """Open a controller from blocking code.

    Args:
        settings: As for `hookflash.open_controller`.
        **options: The same.

    Yields:
        The controller. Leaving the context shuts it down within a bound.

    Raises:
        HookflashError: As for `hookflash.open_controller`.
    """
    from hookflash.adapters.composition import open_controller as open_async  # noqa: PLC0415 - heavy

    with (
        start_blocking_portal(backend="trio") as portal,
        portal.wrap_async_context_manager(open_async(settings, **options)) as controller,
    ):
        yield BlockingController(controller, portal)
