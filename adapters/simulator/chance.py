"""All that is left to chance, drawn from one seed in one order.

Each occasion (a command, a request) draws in the order that is written here, and only for faults
whose share is above zero. Same seed, same faults, same requests in the same order: same behaviour.
"""

import random
from collections.abc import Mapping
from typing import Any, TypedDict

import attrs

from hookflash.adapters.simulator.faults import (
    AckRefusal,
    EndpointFaults,
    EndpointRefusal,
    Faults,
    GarbageKind,
)


@attrs.frozen(kw_only=True)
class AckPlan:
    """What is to become of one command and its acknowledgement.

    Attributes:
        unexecuted: Not carried out and not answered.
        refused: Extra members of a refusal's body (`code`, `retryAfter`, `message`, ...); the
            command is then not carried out. None: not refused.
        with_state: Whether that refusal tells the state.
        lost: Carried out, not answered.
        wrong_type: The `type` of the answer instead of the command's; None is the right one.
        delay_s: How much later than usual the answer is sent, in seconds.
        copies: How often the answer is sent.
        withheld: The answer is kept until it is released.
    """

    unexecuted: bool = False
    refused: Mapping[str, Any] | None = None
    with_state: bool = False
    lost: bool = False
    wrong_type: str | None = None
    delay_s: float = 0.0
    copies: int = 1
    withheld: bool = False


@attrs.frozen(kw_only=True)
class AnswerPlan:
    """What is to become of one HTTP request.

    Attributes:
        status: The status to refuse with; None answers as it should be.
        retry_after_s: The `Retry-After` header in seconds; None leaves it out.
        connection_lost: Cut the connection instead of answering.
        delay_s: How much later the answer is sent, in seconds.
        state: The state that a metadata answer claims, whatever is true; None tells the truth.
    """

    status: int | None = None
    retry_after_s: float | None = None
    connection_lost: bool = False
    delay_s: float = 0.0
    state: str | None = None


class AnswerFault(TypedDict, total=False):
    """What may go wrong with any scripted HTTP request; what is left out goes well.

    Attributes:
        status: Refuse with this HTTP status; None answers.
        retry_after_s: The `Retry-After` of the refusal in seconds; None leaves it out.
        delay_s: Answer so much later, in seconds, with what was true on receipt.
        connection_lost: Cut the connection instead of answering.
    """

    status: int | None
    retry_after_s: float | None
    delay_s: float
    connection_lost: bool


GOOD_ACK = AckPlan()
GOOD_ANSWER = AnswerPlan()


class Chance:
    """Draws plans from faults and a seed.

    Args:
        faults: What may go wrong and how often.
        seed: The seed; the same one draws the same.
    """

    def __init__(self, faults: Faults, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable chance, no secret
        self.faults = faults
        acks = faults.acks
        shares = [acks.lost, acks.late, acks.duplicate, acks.unexecuted, acks.wrong_type]
        shares += [refusal.share for refusal in acks.refusals]
        self._acks_are_good = not any(shares)

    def happens(self, share: float) -> bool:
        """Whether something with this share happens now; a share of 0 draws nothing."""
        return share > 0.0 and self._random.random() < share

    def ack(self) -> AckPlan:
        """Draw what becomes of the next command."""
        if self._acks_are_good:
            return GOOD_ACK
        acks = self.faults.acks
        # All are drawn before any is looked at: the order of draws must not depend on results.
        unexecuted = self.happens(acks.unexecuted)
        drawn = [refusal for refusal in acks.refusals if self.happens(refusal.share)]
        lost = self.happens(acks.lost)
        wrong_type = self.happens(acks.wrong_type)
        late = self.happens(acks.late)
        duplicate = self.happens(acks.duplicate)
        refusal = drawn[0] if drawn else None
        return AckPlan(
            unexecuted=unexecuted,
            refused=None if refusal is None else refusal_body(refusal),
            with_state=refusal is not None and refusal.with_state,
            lost=lost,
            wrong_type="deferred" if wrong_type else None,
            delay_s=acks.late_ms / 1000.0 if late else 0.0,
            copies=acks.duplicate_count if duplicate else 1,
        )

    def answer(self, faults: EndpointFaults, number: int) -> AnswerPlan:
        """Draw what becomes of a request to an endpoint.

        Args:
            faults: The endpoint's.
            number: How many requests that endpoint had before this one.
        """
        slow = self.happens(faults.slow)
        refusal: EndpointRefusal | None = None
        for candidate in faults.refusals:
            drawn = self.happens(candidate.share)
            if refusal is None and (drawn or number < candidate.first):
                refusal = candidate
        if refusal is None and not slow:
            return GOOD_ANSWER
        delay_s = faults.slow_ms / 1000.0 if slow else 0.0
        if refusal is None:
            return AnswerPlan(delay_s=delay_s)
        return AnswerPlan(
            status=refusal.status,
            retry_after_s=refusal.retry_after_s,
            connection_lost=refusal.connection_lost,
            delay_s=delay_s,
        )

    def garbage(self) -> GarbageKind | None:
        """The kind of garbage to send before the next answer; None sends none."""
        if not self.happens(self.faults.frames.garbage):
            return None
        return self._random.choice(self.faults.frames.kinds)


def refusal_body(refusal: AckRefusal) -> dict[str, Any]:
    """The members of a refusal's body that the fault decides."""
    body: dict[str, Any] = {"code": refusal.code, "message": refusal.message or "refused by fault"}
    if refusal.retry_after_s is not None:
        body["retryAfter"] = refusal.retry_after_s
    return body
