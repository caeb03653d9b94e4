"""What every `Gateway` promises the engine: one test function a promise.

A test module for an implementation makes a `GatewayUnderTest` for each test and calls
`keep`; see `test_gateway_contract.py`. Fakes must pass the same.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol
from uuid import uuid4

import pytest
import trio

from hookflash.engine.ports import (
    Frame,
    FrameAcknowledged,
    FrameRefused,
    FrameWritten,
    Gateway,
    LinkDown,
    LinkUp,
    StateSeen,
)
from hookflash.machines.effects import SendHold, SendUnhold


class Recorder(Protocol):
    """An inbox that remembers."""

    @property
    def news(self) -> list[Any]:
        """All that was told, in order."""
        ...

    def tell(self, news: Any) -> bool:
        """Remember *news*."""
        ...

    async def next_of(self, cls: type[Any], count: int = 1) -> Any:
        """Wait for the *count*th news of *cls*."""
        ...


class GatewayUnderTest(Protocol):
    """A gateway and the means to act as its other side. It runs already."""

    @property
    def gateway(self) -> Gateway:
        """The gateway."""
        ...

    @property
    def inbox(self) -> Recorder:
        """What it tells."""
        ...

    def lose_link(self) -> None:
        """Cut the control socket; it comes back by itself."""
        ...

    def refuse_next(self, interaction_id: str) -> None:
        """Refuse the next command of an interaction with code 409 and its state."""
        ...

    def hold_by_agent(self, interaction_id: str) -> None:
        """Somebody else holds the interaction."""
        ...


Open = Callable[[], AbstractAsyncContextManager[GatewayUnderTest]]


def _hold(interaction_id: str) -> Frame:
    return Frame(interaction_id, SendHold(str(uuid4()), "consultation", 5), 5)


async def a_frame_is_written_then_answered(subject: GatewayUnderTest) -> None:
    """`FrameWritten` comes before the answer, each once."""
    frame = _hold(str(uuid4()))
    subject.gateway.send(frame)
    acknowledged = await subject.inbox.next_of(FrameAcknowledged)

    name = frame.command.correlation_id
    assert acknowledged == FrameAcknowledged(name)
    told = [news for news in subject.inbox.news if not isinstance(news, LinkUp)]
    assert told == [FrameWritten(name), FrameAcknowledged(name)]


async def a_refusal_keeps_what_it_says(subject: GatewayUnderTest) -> None:
    """Code and state of a refusal come through."""
    interaction_id = str(uuid4())
    subject.refuse_next(interaction_id)
    frame = _hold(interaction_id)
    subject.gateway.send(frame)
    refused = await subject.inbox.next_of(FrameRefused)

    assert (refused.correlation_id, refused.code, refused.state) == (
        frame.command.correlation_id,
        409,
        "active",
    )


async def a_withdrawn_frame_never_leaves(subject: GatewayUnderTest) -> None:
    """Withdrawn before anything else happens: not written, and not known a second time."""
    interaction_id = str(uuid4())
    frame = _hold(interaction_id)
    subject.gateway.send(frame)
    assert subject.gateway.withdraw(frame.command.correlation_id)
    assert not subject.gateway.withdraw(frame.command.correlation_id)
    assert not subject.gateway.withdraw(str(uuid4()))
    subject.gateway.send(_hold(str(uuid4())))
    await subject.inbox.next_of(FrameAcknowledged)

    assert (await subject.gateway.look_up(interaction_id)).state == "active"


async def a_written_frame_cannot_be_withdrawn(subject: GatewayUnderTest) -> None:
    """After `FrameWritten` it is too late."""
    frame = _hold(str(uuid4()))
    subject.gateway.send(frame)
    written = await subject.inbox.next_of(FrameWritten)

    assert not subject.gateway.withdraw(written.correlation_id)


async def a_lookup_says_what_is(subject: GatewayUnderTest) -> None:
    """State and facts, before and after a hold and an unhold."""
    interaction_id = str(uuid4())
    before = await subject.gateway.look_up(interaction_id)
    subject.gateway.send(_hold(interaction_id))
    await subject.inbox.next_of(FrameAcknowledged)
    held = await subject.gateway.look_up(interaction_id)
    subject.gateway.send(Frame(interaction_id, SendUnhold(str(uuid4()), 5), 5))
    await subject.inbox.next_of(FrameAcknowledged, 2)
    after = await subject.gateway.look_up(interaction_id)

    assert (before.state, held.state, after.state) == ("active", "held", "active")
    assert held.facts.state == "held"
    assert held.facts.skill_group_id
    assert before.as_of <= held.as_of <= after.as_of


async def somebody_elses_hold_is_seen(subject: GatewayUnderTest) -> None:
    """A state that nobody asked for is told."""
    interaction_id = str(uuid4())
    await subject.gateway.look_up(interaction_id)
    subject.hold_by_agent(interaction_id)
    seen = await subject.inbox.next_of(StateSeen)

    assert (seen.interaction_id, seen.state) == (interaction_id, "held")


async def a_lost_link_comes_back(subject: GatewayUnderTest) -> None:
    """Down and up are told in turn; frames sent meanwhile leave afterwards."""
    subject.lose_link()
    await subject.inbox.next_of(LinkDown)
    frame = _hold(str(uuid4()))
    subject.gateway.send(frame)
    await subject.inbox.next_of(FrameAcknowledged)

    kinds: list[type] = [news.__class__ for news in subject.inbox.news]
    assert kinds == [LinkUp, LinkDown, LinkUp, FrameWritten, FrameAcknowledged]


async def the_name_holds_no_secret(subject: GatewayUnderTest) -> None:
    """A journal keeps the name for ever."""
    await trio.lowlevel.checkpoint()

    assert subject.gateway.name
    assert "token" not in subject.gateway.name
    assert "@" not in subject.gateway.name


CONTRACT: Final[tuple[Callable[[GatewayUnderTest], Awaitable[None]], ...]] = (
    a_frame_is_written_then_answered,
    a_refusal_keeps_what_it_says,
    a_withdrawn_frame_never_leaves,
    a_written_frame_cannot_be_withdrawn,
    a_lookup_says_what_is,
    somebody_elses_hold_is_seen,
    a_lost_link_comes_back,
    the_name_holds_no_secret,
)
"""All promises; parametrize a test with them and call `keep`."""

promises = pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)


async def keep(promise: Callable[[GatewayUnderTest], Awaitable[None]], open_subject: Open) -> None:
    """Check one promise on a fresh gateway that is up, within a minute of its clock."""
    with trio.fail_after(60):
        async with open_subject() as subject:
            await subject.inbox.next_of(LinkUp)
            await promise(subject)
