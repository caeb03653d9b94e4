"""Forks: another event, and how far what was recorded still holds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support.recordings import RULES, Day

from hookflash.adapters.replaying import fork_wording
from hookflash.adapters.replaying.choices import Request
from hookflash.adapters.replaying.forking import Branch, fork, write_recording
from hookflash.adapters.replaying.verifying import verify
from hookflash.machines.errors import ConfigurationError, SpecError


def wanted(day: Day, **more: Any) -> Request:
    return Request(recordings=(day.path,), **more)


def event_of(raw: dict[str, Any]) -> str:
    return json.dumps(raw["event"] | {"at": raw["at"]})


def confirmed(raw: dict[str, Any]) -> bool:
    return (raw["event"]["type"], raw["to"]) == ("acknowledged", "held")


def looked_up(raw: dict[str, Any]) -> bool:
    return (raw["event"]["type"], raw["from"]) == ("link_restored", "held")


def unheld(raw: dict[str, Any]) -> bool:
    return (raw["from"], raw["to"]) == ("held", "unhold_pending")


def kinds(branch: Branch) -> list[str]:
    return [one.kind for one in branch.forked.steps]


@pytest.mark.parametrize("which", ["plain", "ruled"])
def test_the_same_event_leads_to_the_same(
    day: Day, ruled_day: Day, which: str, tmp_path: Path
) -> None:
    """Wherever it is forked: what was recorded comes out as recorded, to its end."""
    one = day if which == "plain" else ruled_day
    for index in range(5, len(one.lines), 83):
        raw = one.raw(index)
        if "kind" in raw:
            continue
        for event in (None, event_of(raw)):
            branch = fork(wanted(one), raw["seq"], event)
            forked = branch.forked
            assert forked.ended == "", (raw["seq"], forked.ended)
            assert all(step.as_recorded for step in forked.steps)
            assert {"given" if event else "recorded", "recorded", "asked"} >= set(kinds(branch))
            path = tmp_path / f"{index}.jsonl"
            write_recording(branch, path)
            assert verify([path]).same, raw["seq"]


def test_a_refusal_in_place_of_an_acknowledgement(day: Day, tmp_path: Path) -> None:
    """The hold does not begin; the answers to what would have been sent are no evidence."""
    index = day.find(confirmed)
    raw = day.raw(index)
    branch = fork(wanted(day), raw["seq"], '{"type": "refused", "state": "active"}')
    first = branch.forked.steps[0]
    assert (first.kind, first.name, first.after.state) == ("given", "refused", "active")
    assert first.event.correlation_id == raw["event"]["correlation_id"]
    assert branch.forked.ended
    assert branch.forked.ended_at is not None
    path = tmp_path / "fork.jsonl"
    assert write_recording(branch, path) == len(branch.forked.steps) + 2
    assert verify([path]).same


def test_an_answer_that_never_comes(day: Day) -> None:
    """Where the frame is never answered its timer fires, which nobody recorded."""
    index = day.find(confirmed)
    raw = day.raw(index)
    branch = fork(wanted(day), raw["seq"], '{"type": "link_lost"}')
    assert branch.forked.steps[0].name == "link_lost"
    names = [(one.kind, one.name) for one in branch.forked.steps]
    assert ("timer", "ack_timer_fired") in names or branch.forked.ended


def before(day: Day, wanted: Callable[[dict[str, Any]], bool], then: str) -> int:
    """The number of a record that is followed, in its interaction, by one of an event *then*."""
    last: dict[str, dict[str, Any]] = {}
    for index in range(1, len(day.lines)):
        raw = day.raw(index)
        earlier = last.get(raw["interaction"])
        if earlier is not None and wanted(earlier) and raw["event"]["type"].startswith(then):
            return int(earlier["seq"])
        last[raw["interaction"]] = raw
    raise AssertionError("there are no such records")


@pytest.mark.parametrize(
    ("instead_of", "then", "event", "reason"),
    [
        (confirmed, "warning", '{"type": "not_sent"}', "'warning' was never started here"),
        (
            confirmed,
            "observed",
            '{"type": "refused"}',
            "may be something else here: acknowledged became refused",
        ),
        (
            looked_up,
            "observed",
            '{"type": "unhold_requested", "priority": 5}',
            "the gateway got a frame here that it had not got",
        ),
        (
            unheld,
            "sent",
            '{"type": "link_lost"}',
            "was not sent here",
        ),
    ],
    ids=["timer", "said", "frame", "answer"],
)
def test_why_evidence_ends(
    day: Day,
    instead_of: Callable[[dict[str, Any]], bool],
    then: str,
    event: str,
    reason: str,
) -> None:
    """The first event that could not have happened is named, with the reason."""
    branch = fork(wanted(day), before(day, instead_of, then), event)
    assert reason in branch.forked.ended
    assert branch.forked.ended_at is not None
    assert len(branch.forked.steps) == 1, "the very next one could not have happened"


def test_another_definition(day: Day, tmp_path: Path) -> None:
    """From there on another definition steps."""
    text = orjson.loads(day.lines[0])["definition"]
    effects = 'effects = ["send_release", "watch_release"]'
    old = f'guards = ["releases"]\ntarget = "unhold_pending"\n{effects}'
    spec = tmp_path / "changed.toml"
    changed = old.replace("unhold_pending", "expired").replace(
        'send_release", "watch_release', "expire"
    )
    spec.write_text(text.replace(old, changed, 1), "utf-8")
    seq = day.raw(day.find(lambda raw: raw["event"]["type"] == "limit_timer_fired"))["seq"]
    branch = fork(wanted(day, spec=str(spec)), seq, None)
    assert branch.forked.steps[0].after.state == "expired"
    assert not branch.forked.steps[0].as_recorded
    assert branch.forked.ended


def test_another_policy(day: Day, tmp_path: Path) -> None:
    """A shorter limit ends the hold before what was recorded would have."""
    config = tmp_path / "hookflash.toml"
    config.write_text("[hold]\nlimit_s = 2\n", "utf-8")
    seq = day.raw(day.find(confirmed))["seq"]
    branch = fork(wanted(day, policy=config), seq, None)
    names = [(one.kind, one.name) for one in branch.forked.steps]
    assert ("timer", "limit_timer_fired") in names
    assert branch.forked.ended


def test_other_rules(day: Day, tmp_path: Path) -> None:
    """Rules that are tried are asked, their timers fire, and what they want is done."""
    rules = tmp_path / "rules.toml"
    rules.write_text(
        """
[[rule]]
name = "soon"
trigger = { to = "held" }
for = "1s"
actions = [{ action = "unhold", priority = 9 }]
""",
        "utf-8",
    )
    seq = day.raw(day.find(confirmed))["seq"]
    branch = fork(wanted(day, rules=rules), seq, None)
    found = {(one.kind, one.name) for one in branch.forked.steps}
    assert ("asked", "rule:soon") in found
    assert ("rule", "unhold_requested") in found
    path = tmp_path / "fork.jsonl"
    write_recording(branch, path)
    assert verify([path]).same
    lines = list(fork_wording.as_lines(branch))
    assert any("a rule: unhold_requested in held" in line for line in lines)
    assert any("soon: unhold, priority 9" in line for line in lines)


def test_rules_that_counted_are_carried_on(ruled_day: Day, tmp_path: Path) -> None:
    """A fork under the rules that counted, given as a file, decides as they did."""
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES, "utf-8")
    seq = ruled_day.raw(ruled_day.find(confirmed))["seq"]
    branch = fork(wanted(ruled_day, rules=rules), seq, None)
    assert branch.forked.ended == ""


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("nonsense", "not JSON"),
        ("[]", "expected an object"),
        ("{}", "has no `type`"),
        ('{"type": "helf"}', "unknown type 'helf'"),
        ('{"type": "link_lost", "more": 1}', "more"),
        ('{"type": "hold_requested"}', "priority"),
        ('{"type": "link_lost", "at": "yesterday"}', "yesterday"),
    ],
)
def test_what_is_no_event(day: Day, event: str, said: str) -> None:
    """The option is named, and what is wrong with it."""
    with pytest.raises(ConfigurationError) as caught:
        fork(wanted(day), 5, event)
    assert caught.value.message.startswith("option --event: ")
    assert said in caught.value.message


def test_where_there_is_nothing_to_fork(day: Day, tmp_path: Path) -> None:
    """A record that is not there, two recordings, a folder that cannot be written to."""
    with pytest.raises(ConfigurationError, match="has no record 100000"):
        fork(wanted(day), 100_000, None)
    with pytest.raises(ConfigurationError, match="more than one recording"):
        fork(Request(recordings=(day.path, day.path)), 1, None)
    with pytest.raises(ConfigurationError, match="cannot write"):
        write_recording(fork(wanted(day), 1, None), tmp_path / "missing" / "x.jsonl")


def test_a_state_that_the_definition_does_not_have(day: Day, tmp_path: Path) -> None:
    """A definition that cannot take the interaction over is refused."""
    text = orjson.loads(day.lines[0])["definition"].replace("expired", "parked")
    spec = tmp_path / "changed.toml"
    spec.write_text(text.replace('"parked"]\n', '"parked"]\n'), "utf-8")
    index = day.find(lambda raw: raw["from"] == "held")
    branch = fork(wanted(day, spec=str(spec)), day.raw(index)["seq"], None)
    assert branch.forked.begun.state == "held"
    renamed = text.replace('"held"', '"kept"').replace("[states.held]", "[states.kept]")
    spec.write_text(renamed, "utf-8")
    with pytest.raises(SpecError, match="is in the state 'held', which this definition"):
        fork(wanted(day, spec=str(spec)), day.raw(index)["seq"], None)


def test_a_fork_as_json(day: Day) -> None:
    """Programs get every step, how it stands at the end, and where evidence ends."""
    raw = day.raw(day.find(confirmed))
    found = fork_wording.as_json(fork(wanted(day), raw["seq"], '{"type": "refused"}'))
    assert found["interactionId"] == raw["interaction"]
    assert (found["stateBefore"], found["steps"][0]["kind"]) == ("hold_pending", "given")
    assert found["pending"]["action"] == "hold"
    assert found["evidenceEnds"]["reason"]
    assert json.dumps(found)
    plain = fork_wording.as_json(fork(wanted(day), raw["seq"], None))
    assert plain["evidenceEnds"] is None
    lines = list(fork_wording.as_lines(fork(wanted(day), raw["seq"], None)))
    assert lines[-2] == "all that was recorded of it after that could have happened so"
