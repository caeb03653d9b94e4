"""What the engine knows of the control socket."""

from typing import Literal

import trio
from attrs import define, field

from hookflash.machines.errors import GatewayUnavailable, HookflashError

LinkState = Literal["connecting", "connected", "down", "given_up"]


@define(eq=False)
class Link:
    """The control socket's state as it was last told.

    Attributes:
        state: `connecting` until it was open or given up for the first time.
        error: Why it is not open; None while it is, and before the first failure.
        changed: Set at the next change; a new one takes its place then.
    """

    state: LinkState = "connecting"
    error: HookflashError | None = None
    changed: trio.Event = field(factory=trio.Event)

    def note(self, state: LinkState, error: HookflashError | None) -> LinkState:
        """Take a change up and return the state before it."""
        before, self.error = self.state, error
        if not (before == "connecting" and state == "down"):
            self.state = state  # a first attempt that failed is still an attempt
        self.changed.set()
        self.changed = trio.Event()
        return before

    def why_not(self) -> HookflashError:
        """Return why nothing could be sent."""
        return self.error or GatewayUnavailable(
            "the control socket was not open in time; nothing was sent"
        )
