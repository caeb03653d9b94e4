"""What must hold after every kill, and at the end of a round; from the files alone.

Each check returns what is broken, in words; nothing where all is well.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson
from attrs import define, field, frozen
from tests.crash.plan import WEBHOOK_LOG_NAME, audit_path, calls_path, diary_path, read_lines
from tests.crash.story import NoticeKey, Story

from hookflash.adapters.audit import verify
from hookflash.machines.effects import EndCommand
from hookflash.machines.events import CommandAbandoned, HoldRequested, UnholdRequested
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction

Monitor = Literal["webhook", "callback"]
"""One that the settings name, and one that the program gives when it opens the service."""

TOLD_OVER_A_CRASH: frozenset[Monitor] = frozenset({"webhook", "callback"})
"""The monitors that every outcome must have reached, also where the process died in between."""

MONITORS: tuple[Monitor, ...] = ("webhook", "callback")

GRACE_S = 2.0
"""How long a caller may be held past the limit while the service is connected."""

Diary = Sequence[Mapping[str, Any]]


@define
class Evidence:
    """What is known of a round so far.

    Attributes:
        folder: The round's files, or a copy of them.
        story: Its journal.
        diaries: The diary of each life, in order; the last one ended with the kill.
        ended_at: When each life ended.
    """

    folder: Path
    story: Story
    diaries: list[Diary] = field(factory=list[Diary])
    ended_at: list[Instant] = field(factory=list[Instant])

    def connected(self) -> Iterable[tuple[Instant, Instant]]:
        """Yield from when to when the service was connected, life by life."""
        for diary, ended_at in zip(self.diaries, self.ended_at, strict=True):
            for line in diary:
                if line["what"] == "connected":
                    yield line["at"], ended_at

    def audit_lines(self) -> list[dict[str, Any]]:
        """The whole lines of the audit log."""
        path = audit_path(self.folder)
        if not path.exists():
            return []
        lines = path.read_bytes().splitlines(keepends=True)
        return [orjson.loads(line) for line in lines if line.endswith(b"\n")]


def read_diary(folder: Path, life: int) -> Diary:
    """Return what a life wrote down."""
    return list(read_lines(diary_path(folder, life)))


# --- after every kill -----------------------------------------------------------------------------


def after_kill(
    evidence: Evidence,
    before: Story | None,
    monitors: frozenset[Monitor] = TOLD_OVER_A_CRASH,
) -> list[str]:
    """Check what must hold at any moment, the process being dead.

    Args:
        evidence: The round so far.
        before: The journal as the life before left it; None for the first life.
        monitors: Those that there were, and that are to be told over a crash.
    """
    if evidence.story.broken:
        # Whatever else is looked at would only say the same again.
        return list(evidence.story.broken)
    broken = _audit_chain(evidence)
    broken += _audit_follows_journal(evidence)
    broken += _callers_were_told_the_truth(evidence)
    broken += _continued(evidence, before)
    broken += _nobody_forgotten(evidence)
    for monitor in sorted(monitors):
        again = evidence.story.recovered_untold
        lost = [notice for notice in untold(evidence, monitor) if notice[0] not in again]
        broken += _some(f"monitor: the {monitor} will never be told of", lost)
    return broken


def _some(what: str, lost: Sequence[NoticeKey]) -> list[str]:
    return [f"{what} {lost[0]} and {len(lost) - 1} more"] if lost else []


def _audit_chain(evidence: Evidence) -> list[str]:
    path = audit_path(evidence.folder)
    if not path.exists():
        return []
    report = verify(path)
    return [] if report.whole else [f"audit: {report.text()}"]


def _audit_follows_journal(evidence: Evidence) -> list[str]:
    """The audit log is the journal's ends, in order, once each; its end may be missing."""
    ends = [
        (end.correlation_id, end.action, _outcome(end), call) for end, call in evidence.story.ends
    ]
    lines = [
        (line["correlationId"], line["action"], line["outcome"], line["interactionId"])
        for line in evidence.audit_lines()
    ]
    for index, line in enumerate(lines):
        if index >= len(ends) or ends[index] != line:
            expected = ends[index] if index < len(ends) else "nothing"
            return [f"audit: line {index + 1} is {line}, the journal has {expected}"]
    return []


def _outcome(end: Any) -> str:
    return end.outcome if isinstance(end, EndCommand) else "confirmed"


def _callers_were_told_the_truth(evidence: Evidence) -> list[str]:
    """Whoever was told an outcome finds it in the audit log, even if the kill came at once."""
    audited = {line["correlationId"]: line["outcome"] for line in evidence.audit_lines()}
    broken: list[str] = []
    for line in evidence.diaries[-1]:
        if line["what"] == "end" and line["outcome"] != "unknown":
            found = audited.get(line["correlation"])
            if found != line["outcome"]:
                broken.append(f"audit: a caller was told {line}, the audit log says {found}")
    return broken


def _continued(evidence: Evidence, before: Story | None) -> list[str]:
    """What the journal proved at the last kill is what the life after it began with."""
    if before is None:
        return []
    opened = [line for line in evidence.diaries[-1] if line["what"] == "open"]
    if not opened:
        return []
    now: Instant = opened[0]["now"]
    known: dict[str, tuple[Any, ...]] = {one[0]: tuple(one[1:]) for one in opened[0]["known"]}
    broken: list[str] = []
    for one in before.open_interactions():
        done = len(before.steps[one.id])
        later = evidence.story.steps.get(one.id, [])[done:]
        possible = [_shown(one), *[_shown(then) for at, then in later if at <= now]]
        if known.get(one.id) not in possible:
            broken.append(
                f"recovery: {one.id} is {known.get(one.id)}, the journal proved {possible[0]}"
            )
    if evidence.story.records[: len(before.records)] != before.records:
        broken.append("journal: what it proved at the last kill is not in it any more")
    return broken


def _shown(one: Interaction[Any]) -> tuple[Any, ...]:
    hold = one.data.hold
    since, limit_at = (None, None) if hold is None else (hold.since, hold.limit_at)
    return one.state, since, limit_at, None if one.pending is None else one.pending.action


def _nobody_forgotten(evidence: Evidence) -> list[str]:
    """Past its limit a hold was released, ended or alarmed about as soon as that was possible."""
    story = evidence.story
    connected = list(evidence.connected())
    now = evidence.ended_at[-1]
    holds = [
        (end.interaction_id, max(end.limit_at, end.known_at), end.at) for end in story.hold_ends
    ]
    holds += [
        (call, max(hold.limit_at, story.known_at[hold.id]), now)
        for call, hold in story.open_holds()
    ]
    broken: list[str] = []
    for call, due_at, at in holds:
        late_s = sum(
            max(0, min(until, at) - max(since, due_at)) / 1e6 for since, until in connected
        )
        if late_s > GRACE_S:
            broken.append(f"limit: {call} was held {late_s:.2f} s past its limit")
    return broken


# --- at the end of a round ------------------------------------------------------------------------


def at_rest(evidence: Evidence) -> list[str]:
    """Check what must hold once nothing is under way any more."""
    if evidence.story.broken:
        return []
    broken = _all_ended_once(evidence)
    broken += _all_callers_audited(evidence)
    for monitor in sorted(TOLD_OVER_A_CRASH):
        broken += _some(f"monitor: the {monitor} was never told of", untold(evidence, monitor))
    return broken


def _all_ended_once(evidence: Evidence) -> list[str]:
    story = evidence.story
    requests = HoldRequested | UnholdRequested | CommandAbandoned
    asked = Counter(
        record.event.correlation_id
        for record in story.records
        if isinstance(record.event, requests)
    )
    ended = Counter(
        end.command_id
        for end, _ in story.ends
        if isinstance(end, EndCommand) and end.actor != "limit"
    )
    releases = [
        end.command_id
        for end, _ in story.ends
        if isinstance(end, EndCommand) and end.actor == "limit"
    ]
    broken: list[str] = []
    if asked != ended:
        broken.append(f"commands: asked and ended differ: {asked - ended} and {ended - asked}")
    broken += [f"commands: {name} ended {n} times" for name, n in ended.items() if n > 1]
    if len(set(releases)) != len(releases):
        broken.append("commands: a release at the limit ended twice")
    if len(evidence.audit_lines()) != len(story.ends):
        broken.append(
            f"audit: {len(evidence.audit_lines())} lines for {len(story.ends)} ends at rest"
        )
    return broken


def _all_callers_audited(evidence: Evidence) -> list[str]:
    """Every command whose caller was told an end has exactly one line, unknown ones as well."""
    lines = Counter(
        line["metadata"].get("commandId", line["correlationId"])
        for line in evidence.audit_lines()
        if line["actor"] != "foreign"
    )
    latest = {
        line["correlationId"]: line["metadata"].get("commandId", line["correlationId"])
        for line in evidence.audit_lines()
        if line["actor"] != "foreign"
    }
    broken: list[str] = []
    for diary in evidence.diaries:
        for line in diary:
            if line["what"] == "end":
                name = line["correlation"]
                if lines[latest.get(name, name)] != 1:
                    broken.append(f"audit: a caller was told {line}, which has no line, or several")
    return broken


def untold(evidence: Evidence, monitor: Monitor) -> list[NoticeKey]:
    """Return what a monitor was not told."""
    lives = range(len(evidence.diaries))
    logs = {
        "webhook": [evidence.folder / WEBHOOK_LOG_NAME],
        "callback": [calls_path(evidence.folder, life) for life in lives],
    }
    told = {
        (line["effectId"], line["event"], line["outcome"], line["correlationId"])
        for log in logs[monitor]
        for line in read_lines(log)
    }
    return [notice for notice in evidence.story.notices if notice not in told]


# --- the gateway ----------------------------------------------------------------------------------


@frozen
class Truth:
    """What the gateway says.

    Attributes:
        statistics: Its counts.
        states: The state of each interaction of the round, by id.
    """

    statistics: Mapping[str, int]
    states: Mapping[str, str] = field(factory=dict[str, str])


def at_gateway(truth: Truth, frames: int) -> list[str]:
    """Check that nothing was carried out twice, and nothing that no journal asked for.

    Args:
        truth: What the gateway says.
        frames: How many different frames all journals so far asked for.
    """
    broken = [
        f"gateway: {truth.statistics[name]} {name}"
        for name in (
            "holds_of_held",
            "unholds_of_active",
            "reused_correlations",
            "invalid_commands",
        )
        if truth.statistics[name]
    ]
    if truth.statistics["commands"] > frames:
        broken.append(f"gateway: {truth.statistics['commands']} commands, {frames} in the journals")
    return broken


def same_state(story: Story, truth: Truth) -> list[str]:
    """Check that engine and gateway agree about every interaction, nothing being under way."""
    broken: list[str] = []
    for call, state in truth.states.items():
        one = story.interactions.get(call)
        if one is None:
            if state == "held":
                broken.append(f"state: {call} is held, and the service does not know it")
            continue
        expected = {"active": "active", "held": "held", "expired": "held", "closed": "closed"}
        if expected.get(one.state) != state:
            broken.append(f"state: {call} is {state}, the service has {one.state}")
    return broken
