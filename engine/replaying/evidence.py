"""How far what was recorded still holds where something else happened before.

What callers wanted and what became of the link does not depend on us. An answer does: to a frame
that was not sent here, nobody answers. A timer fires only where it was started. And what the
gateway says of an interaction depends on the frames that it got.
"""

from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field

from hookflash.engine.replaying.differing import ran
from hookflash.machines.conversion import decode_instant
from hookflash.machines.effects import SendHold, SendUnhold, Withdraw
from hookflash.machines.events import (
    Acknowledged,
    ExpireRequested,
    HoldRequested,
    LimitChanged,
    LookupFailed,
    NotSent,
    ObservedActive,
    ObservedClosed,
    ObservedHeld,
    Refused,
    Sent,
    UnholdRequested,
)
from hookflash.machines.interaction import Interaction, Timer
from hookflash.machines.rules.facts import RULE_ACTOR

ANSWERS: Final = (Sent, NotSent, Acknowledged, Refused)
"""Events about a frame."""

SAID: Final = (ObservedHeld, ObservedActive, ObservedClosed, LookupFailed)
"""What the gateway says, or does not say, of an interaction."""

REQUESTS: Final = (HoldRequested, UnholdRequested, ExpireRequested, LimitChanged)
"""What callers and rules want."""


@define
class Evidence:
    """What tells whether a recorded event could have happened here.

    Attributes:
        frames: The frames that were sent here, the one under way at the fork included.
        withdrawn: Those that were taken back before they were written.
        recorded_frames: The frames that were sent when it was recorded.
        recorded_due: When timers were due as recorded, by name and owner.
        gateway_differs: Why the gateway may have seen something else; empty for nothing.
        gone: The sets of timers that ran here before the present one.
        promised: The actors of requests that rules made here and that were recorded too.
    """

    frames: set[str] = field(factory=set[str])
    withdrawn: set[str] = field(factory=set[str])
    recorded_frames: set[str] = field(factory=set[str])
    recorded_due: dict[tuple[str, str], int] = field(factory=dict[tuple[str, str], int])
    gateway_differs: str = ""
    gone: list[tuple[Timer, ...]] = field(factory=list[tuple[Timer, ...]])
    promised: list[str] = field(factory=list[str])

    def sent(self, effects: Sequence[Any]) -> None:
        """Take up what was asked for here."""
        for effect in effects:
            if isinstance(effect, SendHold | SendUnhold):
                self.frames.add(effect.correlation_id)
            elif isinstance(effect, Withdraw):
                self.withdrawn.add(effect.correlation_id)

    def recorded(self, effects: Sequence[dict[str, Any]]) -> None:
        """Take up what was asked for when it was recorded."""
        for effect in effects:
            if effect.get("type") in {"send_hold", "send_unhold"}:
                self.recorded_frames.add(str(effect.get("correlation_id")))
            elif effect.get("type") == "start_timer":
                timer = effect["timer"]
                self.recorded_due[timer["name"], timer["owner"]] = decode_instant(timer["due_at"])

    def objection(self, event: Any, interaction: Interaction[Any], timer: str) -> str:  # noqa: ANN401 - any event
        """Say why a recorded event could not have happened here.

        Args:
            event: The event.
            interaction: The interaction as it stands here.
            timer: The timer whose event it is; empty for none.

        Returns:
            The reason in a sentence; empty where it could have happened.
        """
        if timer:
            return self._timer(event, interaction, timer)
        if isinstance(event, ANSWERS):
            return self._answer(event)
        if isinstance(event, SAID):
            return self._said()
        if isinstance(event, REQUESTS) and event.actor.startswith(RULE_ACTOR):
            if event.actor in self.promised:
                self.promised.remove(event.actor)
                return ""
            rule = event.actor.removeprefix(RULE_ACTOR)
            return f"the rule {rule!r} did not ask for it here"
        return ""

    def _timer(self, event: Any, interaction: Interaction[Any], timer: str) -> str:  # noqa: ANN401 - a timer's event
        sets = (interaction.timers, *self.gone)
        if any(ran(timers, timer, event.owner, event.at) for timers in sets):
            return ""
        running = interaction.timer(timer)
        if running is not None and running.owner == event.owner:
            return f"the timer {timer!r} is due later here"
        return f"the timer {timer!r} was never started here"

    def _answer(self, event: Any) -> str:  # noqa: ANN401 - an answer
        frame = event.correlation_id
        if frame not in self.frames:
            return f"the frame {frame} was not sent here"
        if frame in self.withdrawn and not isinstance(event, NotSent):
            return f"the frame {frame} was taken back here"
        return ""

    def _said(self) -> str:
        if self.gateway_differs:
            return f"what the gateway says may be something else here: {self.gateway_differs}"
        only_here = self.frames - self.recorded_frames
        if only_here:
            return f"the gateway got a frame here that it had not got: {min(only_here)}"
        missing = self.recorded_frames - self.frames
        if missing:
            return f"the gateway had got a frame that it did not get here: {min(missing)}"
        return ""
