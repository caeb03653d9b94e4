"""Scripted behaviour for tests: what happens to the next command or request, one by one."""

from collections import defaultdict, deque

from hookflash.adapters.simulator.chance import AckPlan, AnswerPlan


class Scripts:
    """First in, first out queues of plans; an empty queue means that chance decides."""

    def __init__(self) -> None:
        self._acks: dict[str, deque[AckPlan]] = {}
        self._metadata: defaultdict[str, deque[AnswerPlan]] = defaultdict(deque)
        self._tokens: deque[AnswerPlan] = deque()
        self._upgrades: deque[AnswerPlan] = deque()

    def add_ack(self, interaction_id: str, plan: AckPlan) -> None:
        """Script the next unscripted command of one interaction."""
        self._acks.setdefault(interaction_id.lower(), deque()).append(plan)

    def add_metadata(self, interaction_id: str, plan: AnswerPlan) -> None:
        """Script the next unscripted lookup of one interaction."""
        self._metadata[interaction_id.lower()].append(plan)

    def add_token(self, plan: AnswerPlan) -> None:
        """Script the next unscripted token request."""
        self._tokens.append(plan)

    def add_upgrade(self, plan: AnswerPlan) -> None:
        """Script the next unscripted request for a control socket."""
        self._upgrades.append(plan)

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

    def take_metadata(self, interaction_id: str) -> AnswerPlan | None:
        """The script of a lookup that has come; None where there is none."""
        queue = self._metadata.get(interaction_id.lower())
        return queue.popleft() if queue else None

    def take_token(self) -> AnswerPlan | None:
        """The script of a token request that has come; None where there is none."""
        return self._tokens.popleft() if self._tokens else None

    def take_upgrade(self) -> AnswerPlan | None:
        """The script of an upgrade request that has come; None where there is none."""
        return self._upgrades.popleft() if self._upgrades else None
