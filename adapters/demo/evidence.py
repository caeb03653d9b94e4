"""What the demo proved: every promise, counted in the recording and the audit log afterwards.

Nothing here is counted by the play itself: what is not on disk did not happen.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import orjson
from attrs import frozen

from hookflash.adapters.audit import verify
from hookflash.adapters.journal import read_recording
from hookflash.adapters.journal.recording import read_lines
from hookflash.adapters.report import History
from hookflash.machines.interaction import Interaction
from hookflash.machines.machine import Machine
from hookflash.machines.records import Record

Key = Literal[
    "held_and_unheld",
    "lost_acks",
    "late_acks",
    "duplicates",
    "unholds_repeated",
    "holds_not_repeated",
    "refused",
    "reconnects",
    "cut_off",
    "waited_for_link",
    "warnings",
    "released_at_limit",
    "expired",
    "refused_past_limit",
    "released_by_decision",
    "foreign_holds",
    "foreign_released",
    "foreign_unholds",
    "ended_on_hold",
    "ineligible",
]
"""The name of something that the demo promises to happen."""

PROMISES: Final[dict[Key, tuple[int, str]]] = {
    "held_and_unheld": (24, "holds that began and ended"),
    "lost_acks": (2, "acknowledgements lost: looked up, not assumed"),
    "late_acks": (2, "acknowledgements that came late: counted, no harm done"),
    "duplicates": (2, "acknowledgements that came twice: counted once"),
    "unholds_repeated": (1, "unholds lost on their way: proved and sent once more"),
    "holds_not_repeated": (1, "holds lost on their way: proved and not repeated"),
    "refused": (1, "holds refused by the gateway"),
    "reconnects": (1, "control sockets lost and opened again"),
    "cut_off": (1, "commands under way when the socket was lost"),
    "waited_for_link": (1, "commands that waited for the socket"),
    "warnings": (1, "warnings before a limit"),
    "released_at_limit": (2, "callers released at the limit"),
    "expired": (1, "holds that expired, for somebody to decide"),
    "refused_past_limit": (1, "unholds refused because the hold had expired"),
    "released_by_decision": (1, "expired holds released by somebody's decision"),
    "foreign_holds": (1, "holds of somebody else, adopted"),
    "foreign_released": (1, "holds of somebody else, released at the limit"),
    "foreign_unholds": (1, "unholds of somebody else, noticed"),
    "ended_on_hold": (1, "callers who hung up on hold"),
    "ineligible": (2, "commands refused as not eligible, nothing sent"),
}
"""What the demo promises: how often at least, and in words. In the order of the summary."""


@frozen
class Finding:
    """Whether one promise was kept.

    Attributes:
        key: Its name.
        text: What was promised.
        kept: Whether it happened.
        count: How often; None for a fact that holds or does not.
        note: What is wrong, where it was not kept; empty otherwise.
    """

    key: str
    text: str
    kept: bool
    count: int | None = None
    note: str = ""


@frozen
class States:
    """The states at the end, for each interaction, as each side has them.

    Attributes:
        engine: As the engine has them.
        gateway: As they truly are.
    """

    engine: Mapping[str, str]
    gateway: Mapping[str, str]


def judge_files(
    recording: Path, audit_log: Path, machine: Machine[Any, Any], states: States
) -> list[Finding]:
    """Return what the files of a demo prove, promise by promise.

    Args:
        recording: Its recording.
        audit_log: Its audit log.
        machine: The machine that ran, under the policy that it ran under.
        states: The states at the end.

    Raises:
        MalformedRecord: One of the files cannot be read.
    """
    _, records = read_recording(recording, machine)
    lines = [orjson.loads(line) for _, line in read_lines(audit_log)]
    broken = verify(audit_log)
    return judge(
        list(records),
        lines,
        machine,
        states,
        chain="" if broken.whole else broken.text(),
    )


def judge(
    records: Sequence[Record],
    audit: Sequence[Mapping[str, Any]],
    machine: Machine[Any, Any],
    states: States,
    *,
    chain: str = "",
) -> list[Finding]:
    """Return what *records* and *audit* prove, promise by promise.

    Args:
        records: Those of the recording.
        audit: The lines of the audit log.
        machine: The machine that ran.
        states: The states at the end.
        chain: What is wrong with the audit log's chain; empty for nothing.
    """
    history = History.of(records, with_ends=True)
    counts = counts_of(history)
    findings = [
        _counted(key, text, counts[key], wanted) for key, (wanted, text) in PROMISES.items()
    ]
    left = sum(story.hold is not None for story in history.stories.values())
    difference = first_difference(records, machine)
    findings += [
        _fact("nobody_on_hold", "nobody is on hold at the end", f"{left} are" if left else ""),
        _agreement(states, history),
        _audited(history, audit),
        _fact("chain", "the audit log's chain is whole", chain),
        _fact("replay", f"the recording replays alike, {len(records):,} records", difference),
    ]
    return findings


def counts_of(history: History) -> dict[Key, int]:
    """Return how often each promised thing happened."""
    marks = history.marks
    return {
        "held_and_unheld": history.holds_ended,
        "lost_acks": marks["unacknowledged"],
        "late_acks": marks["late"],
        "duplicates": marks["duplicate"],
        "unholds_repeated": marks["resent"],
        "holds_not_repeated": history.outcomes["hold", "not_applied"],
        "refused": history.outcomes["hold", "refused"],
        "reconnects": history.reconnects,
        "cut_off": marks["cut_off"],
        "waited_for_link": marks["waited_for_link"],
        "warnings": marks["warning"],
        "released_at_limit": marks["released_at_limit"],
        "expired": marks["expired"],
        "refused_past_limit": marks["past_limit"],
        "released_by_decision": marks["forced"],
        "foreign_holds": marks["foreign_hold"],
        "foreign_released": marks["foreign_released"],
        "foreign_unholds": marks["foreign_unhold"],
        "ended_on_hold": marks["ended_on_hold"],
        "ineligible": marks["ineligible"],
    }


def first_difference(records: Iterable[Record], machine: Machine[Any, Any]) -> str:
    """Step *machine* with the recorded events; return where it decides otherwise, if anywhere."""
    instances: dict[str, Interaction[Any]] = {}
    for record in records:
        key = record.interaction_id.lower()
        before = instances.get(key) or machine.start(record.interaction_id)
        step = machine.step(before, record.event)
        found = (before.state, step.interaction.state, step.effects)
        if found != (record.source, record.target, record.effects):
            return f"record {record.seq} of {record.interaction_id} comes out otherwise"
        instances[key] = step.interaction
    return ""


# --- the parts ------------------------------------------------------------------------------------


def _counted(key: str, text: str, count: int, wanted: int) -> Finding:
    note = "" if count >= wanted else f"at least {wanted} were promised"
    return Finding(key, text, not note, count, note)


def _fact(key: str, text: str, problem: str) -> Finding:
    return Finding(key, text, not problem, None, problem)


def _agreement(states: States, history: History) -> Finding:
    """Compare three accounts of each interaction: the gateway's, the engine's, the recording's."""
    engine = {key.lower(): state for key, state in states.engine.items()}
    gateway = {key.lower(): state for key, state in states.gateway.items()}
    recorded = {key: story.state for key, story in history.stories.items()}
    different = sorted(
        key
        for key in gateway.keys() | engine.keys() | recorded.keys()
        if not gateway.get(key) == engine.get(key) == recorded.get(key)
    )
    problem = ""
    if different:
        first = different[0]
        problem = (
            f"{len(different)} differ; {first} is {gateway.get(first)} at the gateway,"
            f" {engine.get(first)} in the engine, {recorded.get(first)} in the recording"
        )
    elif not gateway:
        problem = "there is none"
    text = f"engine, gateway and recording agree on all {len(gateway):,} interactions"
    return _fact("states_agree", text, problem)


def _audited(history: History, audit: Sequence[Mapping[str, Any]]) -> Finding:
    """Every end of a command, and every foreign one, has exactly one line, in the same order."""
    written = [line.get("correlationId") for line in audit]
    problem = ""
    if written != history.ends:
        problem = f"{len(written)} lines for {len(history.ends)} outcomes, or in another order"
    text = f"every one of {len(history.ends):,} outcomes has one audit line"
    return _fact("audited", text, problem)
