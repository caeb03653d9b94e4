"""Scripted behaviour for tests: what happens to the next command or request, one by one."""

from collections import defaultdict, deque

from hookflash.adapters.simulator.chance import AckPlan, AnswerPlan


class Scripts:
    """First in, first out queues of plans; an empty queue means that chance decides."""

    def __init__(self) -> None:
        self._acks: dict[str, deque[AckPlan]] = {}
        self._answers: defaultdict[str, deque[AnswerPlan]] = defaultdict(deque)

    def add_ack(self, interaction_id: str, plan: AckPlan) -> None:
        """Script the next unscripted command of one interaction."""
        self._acks.setdefault(interaction_id.lower(), deque()).append(plan)

    def add_answer(self, path: str, plan: AnswerPlan) -> None:
        """Script the next unscripted HTTP request for *path*; its case does not count."""
        self._answers[path.lower()].append(plan)

    def take_ack(self, interaction_id: str) -> AckPlan | None:
        """The script of a command that has come; None where there is none."""
        if not self._acks:
            return None
        key = interaction_id.lower()
        queue = self._acks.get(key)
        if queue is None:
            return None
        plan = queue.popleft()
        if not queue:
            del self._acks[key]
        return plan

    def take_answer(self, path: str) -> AnswerPlan | None:
        """The script of an HTTP request that has come; None where there is none."""
        queue = self._answers.get(path.lower())
        return queue.popleft() if queue else None
