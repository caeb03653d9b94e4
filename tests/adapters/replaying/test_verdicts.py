"""What rules decided is decided again, word by word: verdicts, traces, memory, alarms."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.support.recordings import Day, Edited

from hookflash.adapters.replaying.verifying import verify
from hookflash.engine.replaying.findings import Divergence
from hookflash.engine.replaying.outcome import Findings
from hookflash.machines.lines import dump_line


@pytest.fixture
def ruled(ruled_day: Day, tmp_path: Path) -> Edited:
    """The day under rules, to be changed."""
    return Edited(ruled_day, tmp_path)


def line_of(day: Day, kind: str, having: bytes = b"") -> int:
    """The first line of that kind that has something in it."""
    for index, line in enumerate(day.lines):
        if line.startswith(b'{"kind":"%s"' % kind.encode()) and having in line:
            return index
    raise AssertionError(f"there is no {kind}")


def acts(raw: dict[str, Any]) -> bool:
    return bool(raw.get("rules", {}).get("actions"))


def only(edited: Edited) -> Divergence:
    """The one divergence that is found."""
    findings = edited_findings(edited)
    (group,) = findings.groups.groups()
    assert group.count == 1
    return group.examples[0]


def edited_findings(edited: Edited) -> Findings:
    findings = verify([edited.write()]).findings
    assert findings.damages.count == 0
    return findings


def change_action(rules: dict[str, Any]) -> None:
    rules["actions"][0]["remark"] = "other"


def drop_actions(rules: dict[str, Any]) -> None:
    rules["actions"] = []


def change_trace(rules: dict[str, Any]) -> None:
    rules["trace"]["rules"][0]["verdict"] = "late"


def change_memory(rules: dict[str, Any]) -> None:
    rules["memory"]["history"]["holds"] = 9


def add_alarm(rules: dict[str, Any]) -> None:
    rules["alarm"] = "x"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (change_action, "rules.actions[0].remark"),
        (drop_actions, "rules.actions[0]"),
        (change_trace, "rules.trace.rules[0].verdict"),
        (change_memory, "rules.memory.history.holds"),
        (add_alarm, "rules.alarm"),
    ],
)
def test_a_part_of_a_ruling(
    ruled: Edited, change: Callable[[dict[str, Any]], None], field: str
) -> None:
    """Whatever of it differs is named by its path, and explained."""
    index = ruled.day.find(acts)
    ruled.change(index, lambda raw: change(raw["rules"]))
    first = edited_findings(ruled).groups.first()
    assert first is not None
    assert first.seq == ruled.day.raw(index)["seq"]
    assert field in [path for path, _, _ in first.differences]
    assert first.cause.kind == "rules"


def test_ids_of_actions_are_taken_from_the_recording(ruled: Edited) -> None:
    """The engine drew them: another id is no difference."""
    index = ruled.day.find(acts)
    ruled.change(index, lambda raw: raw["rules"]["actions"][0].update(id="another"))
    assert edited_findings(ruled).same


def test_a_ruling_that_was_left_out(ruled: Edited) -> None:
    """Where nothing was recorded and something is decided now, all of it is the difference."""
    ruled.change(ruled.day.find(acts), lambda raw: raw.pop("rules"))
    first = edited_findings(ruled).groups.first()
    assert first is not None
    assert first.recorded is None
    assert first.field.startswith("rules")


def test_what_rules_were_asked_beside_records(ruled: Edited) -> None:
    """A ruling about a timer is compared as well."""
    index = line_of(ruled.day, "rules", b'"actions"')
    raw = ruled.day.raw(index)
    raw["rules"]["actions"][0]["message"] = "another message"
    ruled.lines[index] = dump_line(raw, "x")
    one = only(ruled)
    assert one.field == "rules.actions[0].message"
    assert one.recorded == "another message"
    assert one.event == "rule:long-queueing"


def test_a_ruling_that_cannot_be_read(ruled: Edited) -> None:
    """It is a difference of that record, and the replay goes on."""
    index = ruled.day.find(acts)
    ruled.change(index, lambda raw: raw["rules"].update(memory={"nonsense": 1}))
    findings = edited_findings(ruled)
    first = findings.groups.first()
    assert first is not None
    assert "cannot be read" in first.now
    assert findings.records == sum(b'{"seq"' in line[:8] for line in ruled.lines)


def test_rules_that_cannot_be_read_today(ruled: Edited) -> None:
    """That is said once; their verdicts are not compared, everything else is."""
    index = line_of(ruled.day, "rules_change")
    raw = ruled.day.raw(index)
    raw["text"] = "[[rule]]\nname = 5\n"
    ruled.lines[index] = dump_line(raw, "x")
    findings = edited_findings(ruled)
    assert findings.same
    (notice,) = findings.notices
    assert "the rules that count from here on cannot be read today" in notice


def test_rules_that_nobody_put_in_force(ruled: Edited) -> None:
    """Without the line that says so no rules count, and each ruling is a difference."""
    index = line_of(ruled.day, "rules_change")
    del ruled.lines[index]
    findings = edited_findings(ruled)
    assert findings.groups.count > 20
    assert {group.examples[0].now for group in findings.groups.groups()} == {None}


def test_other_rules_from_here_on(ruled: Edited) -> None:
    """What rules decide is asked of those that count at that line."""
    index = line_of(ruled.day, "rules_change")
    raw = ruled.day.raw(index)
    middle = len(ruled.lines) // 2
    none = dump_line(raw | {"digest": "", "text": ""}, "x")
    ruled.lines.insert(middle, none)
    first = edited_findings(ruled).groups.first()
    before = [orjson.loads(line).get("seq") for line in ruled.lines[1:middle]]
    assert first is not None
    assert first.seq >= max(seq for seq in before if seq is not None)
    assert first.now is None


def test_a_failing_rule_set_is_a_difference(ruled: Edited, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours in the rules shows as a difference, and ends nothing."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("hookflash.machines.rules.ruleset.evaluate", fail)
    findings = edited_findings(ruled)
    assert any(
        "the rules fail: ZeroDivisionError" in str(one)
        for group in findings.groups.groups()
        for _, _, one in group.examples[0].differences
    )


def test_rules_of_a_record_that_does_not_follow(ruled: Edited) -> None:
    """Where a record is missing, what rules make of the one after it only follows from that."""
    for index in range(1, len(ruled.day.lines)):
        raw = ruled.day.raw(index)
        # A line without a number that stands in the very gap comes before the gap is noticed.
        numbered = index + 1 < len(ruled.day.lines) and "seq" in ruled.day.raw(index + 1)
        acknowledged = raw.get("event", {}).get("type") == "acknowledged"
        if acknowledged and raw["to"] == "held" and numbered:
            lines = list(ruled.day.lines)
            del lines[index]
            ruled.lines = lines
            findings = verify([ruled.write()]).findings
            assert findings.groups.count == 0, raw["seq"]
            assert [one.seq for one in findings.damages.kept] == [raw["seq"]]
