"""`hookflash rules explain`: what it prints, and what it says of a rule that did nothing."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.machines.rules.worlds import one_rule, rules_of
from tests.support.explained import OTHER, RULES, VIP, journal_of_rules, recording_of_rules

from hookflash.adapters import rule_stories
from hookflash.adapters.command_line.main import execute
from hookflash.adapters.command_line.rules_explained import Explained, wrapped
from hookflash.adapters.rule_stories import CHANGES_MAX, RuleStory, gather
from hookflash.adapters.rule_stories import rules_of as rules_in
from hookflash.adapters.specifications import load_machine
from hookflash.machines.codec import RecordCodec
from hookflash.machines.effects import EndCommand
from hookflash.machines.events import Acknowledged, LinkLost
from hookflash.machines.headers import encode_header
from hookflash.machines.hold_data import HoldData
from hookflash.machines.instants import Instant, from_text, to_text_ms
from hookflash.machines.interaction import Interaction
from hookflash.machines.records import (
    ActionsDone,
    Entry,
    InteractionState,
    Record,
    RulesAsked,
    RulesChange,
)
from hookflash.machines.rule_lines import encode_aside
from hookflash.machines.rules.actions import AnnotateAction, CallAction, UnholdAction
from hookflash.machines.rules.facts import RuleEvent
from hookflash.machines.rules.memory import NO_MEMORY, RuleMemory, Run, Wait
from hookflash.machines.rules.ruling import PlannedAction, RuleState, Ruling
from hookflash.machines.rules.trace import (
    ActionTrace,
    ClauseTrace,
    RuleTrace,
    TemporalTrace,
    Trace,
    Verdict,
)

AT = from_text("2026-11-22T18:22:01.123456Z")
CALL = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
CODEC = RecordCodec(load_machine("hold"))
EVENT = RuleEvent(AT, "acknowledged", "held", "held")


def at(seconds: float) -> Instant:
    """The instant so many seconds after the beginning."""
    return Instant(AT + round(seconds * 1_000_000))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of two interactions under three rules."""
    return recording_of_rules(tmp_path_factory.mktemp("rules") / "rules.jsonl")


def write(path: Path, entries: Sequence[Entry]) -> Path:
    """Write a recording; records are numbered here."""
    lines = [encode_header(CODEC.new_header("h:1", AT))]
    for entry in entries:
        if isinstance(entry, Record):
            lines.append(CODEC.encode(entry))
        elif isinstance(entry, InteractionState):
            lines.append(CODEC.encode_state(entry))
        elif isinstance(entry, RulesChange | RulesAsked | ActionsDone):
            lines.append(encode_aside(entry))
    path.write_bytes(b"".join(lines))
    return path


def record(seq: int, *, ruling: Ruling | None = None, seconds: float = 0.0, **more: Any) -> Record:
    """Return a record of the call."""
    return Record(seq, CALL, LinkLost(at(seconds)), "held", "held", (), rules=ruling, **more)


def ruling(
    verdict: Verdict = "acted", *, rule: str = "one", memory: RuleMemory = NO_MEMORY, **more: Any
) -> Ruling:
    """Return a ruling that names one rule."""
    actions = more.pop("actions", ())
    trace = Trace(AT, CALL, "link_lost", (RuleTrace(rule, "to held", verdict, **more),))
    return Ruling(memory, trace, actions)


def change(text: str, seconds: float = 0.0) -> RulesChange:
    """Return a change of rules."""
    rules = rules_of(text)
    return RulesChange(at(seconds), rules.digest, rules.text)


ONE = change(one_rule("{ to = 'held' }"))


def explained(path: Path, rule: str | None = None, last: int = 50, *files: Path) -> str:
    """Return what is printed."""
    story = gather(path, CALL, rule=rule, last=last)
    return "\n".join(Explained(story, files).text())


# --- the command ----------------------------------------------------------------------------------


def test_the_journal_of_the_settings_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default, by its variable, by the config file, by the option, and as an argument."""
    journal_of_rules(tmp_path / "hookflash.db")
    assert execute(["rules", "explain", "--interaction", VIP]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{VIP}: 3 decisions of rules\n\nrules ")
    assert "unhold, priority 9: taken; confirmed at once\n" in said
    assert "taken; carried out\n" in said

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "hookflash.db").rename(elsewhere / "other.db")
    (elsewhere / "hookflash.toml").write_text('[journal]\npath = "other.db"\n', "utf-8")
    found = ["rules", "explain", "--interaction", VIP.upper()]
    assert execute(found) == 2
    assert "cannot be read" in capsys.readouterr().err
    for more in (
        ["--journal", str(elsewhere / "other.db")],
        [str(elsewhere / "other.db")],
        ["--config", str(elsewhere / "hookflash.toml")],
    ):
        assert execute([*found, *more]) == 0
        assert capsys.readouterr().out.partition(":")[2] == said.partition(":")[2]
    monkeypatch.setenv("HOOKFLASH_JOURNAL_PATH", str(elsewhere / "other.db"))
    assert execute(found) == 0


def test_nothing_is_known_of_an_interaction(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and no number that was typed is repeated."""
    arguments = ["rules", "explain", str(recording), "--interaction", "+49 30 1234567"]
    assert execute(arguments) == 1
    assert capsys.readouterr().err == (
        f"error: {recording} tells nothing of the interaction [number]\n"
    )
    assert execute([*arguments, "--json"]) == 1
    failed = json.loads(capsys.readouterr().out)
    assert (failed["status"], failed["error"]) == ("failed", "UnknownInteraction")
    assert failed["interactionId"] == "[number]"


@pytest.mark.parametrize("last", ["0", "10001", "many"])
def test_how_many_are_shown_is_bounded(
    recording: Path, capsys: pytest.CaptureFixture[str], last: str
) -> None:
    """From 1 to 10,000."""
    arguments = ["rules", "explain", str(recording), "--interaction", VIP, "--last", last]
    assert execute(arguments) == 2
    assert "--last" in capsys.readouterr().err


def test_json_has_an_object_a_line(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rules that count, decisions with their actions and what became of them, a sum."""
    assert execute(["rules", "explain", str(recording), "--interaction", VIP, "--json"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["event"] for one in objects] == ["rules", *["decision"] * 3, "summary"]
    assert objects[0]["rules"] == ["consultation-too-long", "vip-release-early", "third-hold"]
    decision = objects[3]
    assert (decision["about"], decision["isTimer"], decision["seq"]) == (
        "rule:vip-release-early",
        True,
        None,
    )
    assert (decision["from"], decision["to"], decision["kept"]) == ("held", "held", False)
    (trace,) = decision["rules"]
    assert trace["clauses"][0]["reads"] == {"interaction.skill_group": "sg-vip"}
    unhold, annotate = decision["actions"]
    assert (unhold["action"], unhold["outcome"], unhold["isDone"]) == ("unhold", "confirmed", True)
    assert unhold["endedAt"].endswith("Z")
    assert (annotate["outcome"], annotate["isDone"]) == (None, True)
    assert objects[-1] == {
        "event": "summary",
        "status": "success",
        "interactionId": VIP,
        "decisions": 3,
        "shown": 3,
        "kept": 0,
    }

    arguments = ["rules", "explain", str(recording), "--interaction", OTHER, "--json"]
    assert execute([*arguments, "--rule", "third-hold", "--last", "1"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rule = objects[-2]
    assert (rule["event"], rule["rule"], rule["isThere"]) == ("rule", "third-hold", True)
    assert (rule["enabled"], rule["shadow"], rule["waitsUntil"]) == (True, False, None)
    assert rule["waitsFor"] == "to held or unhold_pending or expired"
    assert rule["verdicts"] == {"temporal": 1}
    assert {"name": "sent", "from": "hold_pending", "to": "hold_pending", "count": 1} in (
        rule["events"]
    )
    assert objects[-1]["decisions"] == objects[-1]["shown"] == 1


def test_lines_fit_the_terminal(
    recording: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too long goes on below its words; elsewhere each stays one line."""
    monkeypatch.setenv("COLUMNS", "60")
    arguments = ["rules", "explain", str(recording), "--interaction", VIP]
    assert execute(arguments) == 0
    whole = capsys.readouterr().out
    assert max(map(len, whole.splitlines())) > 100
    with monkeypatch.context() as patched:
        patched.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        assert execute(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert "                 been on hold for 5m: taken; carried out" in lines
    assert " ".join(" ".join(lines).split()) == " ".join(whole.split())


def test_what_cannot_be_shown_is_replaced() -> None:
    """A file of somebody else's may have anything in its texts."""
    assert wrapped("a\x1b[31mb\nc", None) == ["a\ufffd[31mb\ufffdc"]
    assert wrapped("x" * 50, 10) == ["x" * 40, "    " + "x" * 10]


# --- what is shown --------------------------------------------------------------------------------


def test_the_latest_are_shown(tmp_path: Path) -> None:
    """The rest is counted; what became of actions is known of those that are shown."""
    entries: list[Entry] = [ONE]
    for seq in range(1, 8):
        planned = PlannedAction(f"id-{seq}", CallAction("one", "f"))
        entries += [
            record(seq, ruling=ruling(actions=(planned,)), seconds=seq),
            ActionsDone(CALL, (f"id-{seq - 1}", f"id-{seq}")),
        ]
    path = write(tmp_path / "r.jsonl", entries)
    story = gather(path, CALL, last=3)
    assert (story.decisions, len(story.shown), story.last_at) == (7, 3, at(7))
    assert [one.done for one in story.shown if not isinstance(one, RulesChange)] == [
        {"id-5"},
        {"id-6"},
        {"id-7"},
    ]
    text = explained(path, last=3)
    assert text.startswith(f"{CALL}: 7 decisions of rules, the last 3 here; --last 7 shows all\n")
    assert "rules " in text
    assert text.count("link_lost: held") == 3


def test_a_command_says_how_it_ended(tmp_path: Path) -> None:
    """Its outcome and why, by its own id or by that of the frame that was sent last."""

    def ended(seconds: float, ids: tuple[str, str], **more: Any) -> EndCommand:
        return EndCommand(
            ids[0], ids[1], "unhold", more.pop("outcome", "confirmed"), "active", AT, at(seconds),
            "rule:one", **more,
        )  # fmt: skip

    planned = tuple(
        PlannedAction(one, UnholdAction("one", 5)) for one in ("first", "second", "third", "lost")
    )
    taken = ActionTrace("unhold", "taken")
    traces = (taken, ActionTrace("hold", "suppressed", "shadow"), taken, taken, taken)
    ends = (
        ended(0.25, ("other", "first")),
        ended(90.0004, ("second", "later"), outcome="refused", error="RateLimited", message="m"),
        ended(0.0, ("third", "third"), outcome="expired", error="CommandExpired"),
    )
    path = write(
        tmp_path / "r.jsonl",
        [
            record(1, ruling=ruling(actions=planned)),
            Record(2, CALL, Acknowledged(at(90), "x"), "held", "active", ends),
            record(3, ruling=Ruling(NO_MEMORY)),
        ],
    )
    assert "confirmed" not in explained(path)  # no action in the trace: nothing to say it of
    path = write(
        tmp_path / "r.jsonl",
        [
            record(1, ruling=_with_actions(planned, traces)),
            Record(2, CALL, Acknowledged(at(90), "x"), "held", "active", ends),
        ],
    )
    text = explained(path)
    assert "action     unhold: taken; confirmed after 0.25s\n" in text
    assert "action     hold: suppressed by shadow\n" in text
    assert "action     unhold: taken; refused (RateLimited: m) after 1m 30s\n" in text
    assert "action     unhold: taken; expired (CommandExpired) at once\n" in text
    assert text.endswith("action     unhold: taken")


def _with_actions(planned: tuple[PlannedAction, ...], traces: tuple[ActionTrace, ...]) -> Ruling:
    trace = Trace(AT, CALL, "link_lost", (RuleTrace("one", "to held", "acted", actions=traces),))
    return Ruling(NO_MEMORY, trace, planned)


def test_actions_of_several_rules_are_told_apart(tmp_path: Path) -> None:
    """Also where a rule had its turn twice on one event."""
    planned = tuple(
        PlannedAction(f"id-{number}", CallAction(rule, "f"))
        for number, rule in enumerate(("one", "two", "one"))
    )
    taken = (ActionTrace("call f()", "taken"),)
    trace = Trace(
        AT,
        CALL,
        "link_lost",
        tuple(RuleTrace(rule, "", "acted", actions=taken) for rule in ("one", "two", "one")),
        ("look here",),
    )
    path = write(
        tmp_path / "r.jsonl",
        [
            record(1, ruling=Ruling(NO_MEMORY, trace, planned, alarm="stopped")),
            ActionsDone(CALL, ("id-1", "id-2")),
            record(2, ruling=Ruling(NO_MEMORY, alarm="stopped again")),
        ],
    )
    lines = explained(path).splitlines()
    assert [line for line in lines if "action" in line] == [
        "      action     call f(): taken",
        "      action     call f(): taken; carried out",
        "      action     call f(): taken; carried out",
    ]
    assert "  ! look here" in lines
    assert "  ! stopped" in lines
    assert lines[-1] == "  ! stopped again"
    alarm = list(Explained(gather(path, CALL)).objects())[-2]
    assert (alarm["rules"], alarm["warnings"]) == ([], ["stopped again"])
    only = explained(path, "two").splitlines()
    assert sum("action" in line for line in only) == 1
    assert "taken; carried out" in "\n".join(only)


def test_changes_of_rules_stand_where_they_happened(tmp_path: Path) -> None:
    """With what differs; those before the first decision are left out but for the last."""
    two = one_rule("{ to = 'held' }") + one_rule("{ to = 'active' }", name="two")
    path = write(
        tmp_path / "r.jsonl",
        [
            change(one_rule("{ to = 'expired' }"), -9),
            ONE,
            ONE,
            record(1, ruling=ruling()),
            change(two, 2),
            RulesChange(at(3), "", ""),
            change(two, 4),
            RulesChange(at(5), "f" * 64, "nonsense ["),
            record(2, ruling=ruling(), seconds=6),
            change(two, 7),
        ],
    )
    lines = [line for line in explained(path).splitlines() if "rules" in line]
    digest = rules_of(two).digest[:12]
    assert lines == [
        f"{CALL}: 2 decisions of rules",
        f"rules {ONE.digest[:12]}, loaded 2026-11-22T18:22:01.123Z: one",
        f"2026-11-22T18:22:03.123Z  rules {digest} loaded: added two",
        "2026-11-22T18:22:04.123Z  no rules count any more",
        f"2026-11-22T18:22:05.123Z  rules {digest} loaded: one, two",
        f"2026-11-22T18:22:06.123Z  rules {'f' * 12} loaded: their text cannot be read any more",
        f"2026-11-22T18:22:08.123Z  rules {digest} loaded: one, two",
    ]
    last = [line for line in explained(path, last=1).splitlines() if "rules" in line]
    assert last[1:] == [
        f"rules {'f' * 12}, loaded 2026-11-22T18:22:06.123Z: their text cannot be read any more",
        lines[-1],
    ]
    objects = list(Explained(gather(path, CALL)).objects())
    assert [one.get("rules") for one in objects if one["event"] == "rules"] == [
        ["one"],
        ["one", "two"],
        None,
        ["one", "two"],
        None,
        ["one", "two"],
    ]


def test_changes_are_bounded(tmp_path: Path) -> None:
    """Whoever loads rules by the second is shown the latest changes."""
    changes = [change(one_rule("{ to = 'held' }", name=f"n{n}"), n) for n in range(CHANGES_MAX + 9)]
    path = write(
        tmp_path / "r.jsonl",
        [record(1, ruling=ruling()), *changes, record(2, ruling=ruling(), seconds=90)],
    )
    story = gather(path, CALL)
    shown = [one for one in story.shown if isinstance(one, RulesChange)]
    assert shown == changes[-CHANGES_MAX:]
    assert (story.before, story.rules_changes) == (None, len(changes))
    # Where the decisions before them are left out, the last of them is still known.
    story = gather(path, CALL, last=1)
    assert story.before == changes[-1]
    assert len(story.shown) == 1


def test_what_is_left_of_earlier_days_is_said(tmp_path: Path) -> None:
    """Which rules counted then stands in their recordings."""
    story = gather(write(tmp_path / "r.jsonl", [record(1, ruling=ruling())]), CALL)
    story.kept = 1
    text = "\n".join(Explained(story).text())
    assert "\nwhat is left of days that are in recordings: only what rules did\n" in text


# --- why not --------------------------------------------------------------------------------------


def end_of(text: str) -> list[str]:
    """Return the lines about the rule."""
    return text.rpartition("\n\n")[2].splitlines()


def test_no_rules_count(tmp_path: Path) -> None:
    """None were ever loaded, or they were taken away."""
    path = write(tmp_path / "r.jsonl", [record(1)])
    assert end_of(explained(path, "one")) == [
        "one: no rules have been loaded, as far as this file tells"
    ]
    path = write(tmp_path / "r.jsonl", [ONE, record(1), RulesChange(at(1), "", "")])
    assert end_of(explained(path, "one")) == ["one: no rules count, as far as this file tells"]


def test_there_is_no_such_rule(tmp_path: Path) -> None:
    """It says which there are, and the nearest."""
    text = "".join(one_rule("{ to = 'held' }", name=f"rule-{n}") for n in range(10))
    path = write(tmp_path / "r.jsonl", [change(text), record(1)])
    assert end_of(explained(path, "rule_3")) == [
        "rule_3: there is no such rule in those that count since 2026-11-22T18:22:01.123Z",
        f"      they are   {', '.join(f'rule-{n}' for n in range(8))} and 2 more",
        "      like it    rule-3",
    ]
    assert len(end_of(explained(path, "something else"))) == 2


def test_rules_that_cannot_be_read_any_more(tmp_path: Path) -> None:
    """What the traces tell is told all the same."""
    gone = RulesChange(at(0), "f" * 64, "")
    path = write(tmp_path / "r.jsonl", [gone, record(1, ruling=ruling("condition"))])
    assert end_of(explained(path, "one")) == [
        f"one: the text of the rules that count since {to_text_ms(AT)} cannot be read any more",
        "      so far     1 time: condition did not hold 1",
        "      last idle  2026-11-22T18:22:01.123Z",
    ]
    assert end_of(explained(path, "two"))[1:] == []
    (rule,) = [
        one for one in Explained(gather(path, CALL, rule="one")).objects() if one["event"] == "rule"
    ]
    assert rule["isThere"] is rule["enabled"] is rule["waitsFor"] is None


def test_the_file_of_the_settings_helps_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the journal has a text without its secrets, or none, the file of that digest counts."""
    rules = rules_of(one_rule("{ to = 'held' }"))
    path = write(
        tmp_path / "r.jsonl", [RulesChange(AT, rules.digest, ""), record(1, ruling=ruling())]
    )
    (tmp_path / "rules.toml").write_text(rules.text, "utf-8")
    other = tmp_path / "other.toml"
    other.write_text(one_rule("{ to = 'expired' }"), "utf-8")
    assert "cannot be read any more" in explained(path, "one", 50, other, tmp_path / "none.toml")
    assert "waits for  to held" in explained(path, "one", 50, other, tmp_path / "rules.toml")
    (tmp_path / "hookflash.toml").write_text('[rules]\npath = "rules.toml"\n', "utf-8")
    assert execute(["rules", "explain", str(path), "--interaction", CALL, "--rule", "one"]) == 0
    assert "waits for  to held" in capsys.readouterr().out
    assert rules_in(None) is None


def test_a_rule_that_was_never_triggered(tmp_path: Path) -> None:
    """It says what it waits for, and what came instead since it counts."""
    path = write(
        tmp_path / "r.jsonl", [record(1, seconds=-1), change(one_rule("{ to = 'expired' }"))]
    )
    waits = "      waits for  to expired"
    assert end_of(explained(path, "one"))[1:] == [
        waits,
        "      never      it was not triggered",
        "      came       nothing, since these rules count",
    ]
    own = RulesAsked(AT, CALL, RuleEvent(AT, "agent_back"), Ruling(NO_MEMORY))
    more = [
        Record(seq, CALL, Acknowledged(at(seq), "x"), source, "active", ())
        for seq, source in enumerate(
            ("held", "held", "held", "expired", "unhold_pending", "hold_pending", "active"), 2
        )
    ]
    states = [
        Record(9 + seq, CALL, LinkLost(at(9)), state, state, ())
        for seq, state in enumerate(("held", "active", "expired", "hold_pending"))
    ]
    asked: list[Entry] = [own, *more, *states]
    path = write(tmp_path / "r.jsonl", [change(one_rule("{ to = 'expired' }")), *asked])
    lines = end_of(explained(path, "one"))
    assert lines[1:4] == [
        waits,
        "      never      it was not triggered",
        "      came       acknowledged: held → active, 3 times",
    ]
    assert "      came       agent_back" in lines
    assert "      came       acknowledged: active" in lines
    assert lines[-1] == "      came       and 2 other kinds of events"


def test_kinds_of_events_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of those beyond the bound the known ones are counted on."""
    monkeypatch.setattr(rule_stories, "EVENTS_MAX", 1)
    path = write(
        tmp_path / "r.jsonl",
        [ONE, record(1), Record(2, CALL, Acknowledged(AT, "x"), "held", "active", ()), record(3)],
    )
    story = gather(path, CALL, rule="one")
    assert isinstance(story.rule, RuleStory)
    assert dict(story.rule.events) == {("link_lost", "held", "held"): 2}


def test_a_rule_that_is_switched_off(tmp_path: Path) -> None:
    """Disabled or in shadow, it says so."""
    for key, word in (("enabled = false", "disabled"), ("shadow = true", "shadow")):
        path = write(
            tmp_path / "r.jsonl",
            [change(one_rule("{ to = 'held' }", key, "for = '5m'")), record(1)],
        )
        lines = end_of(explained(path, "one"))
        assert lines[1] == "      waits for  to held, for 5m"
        assert lines[2].startswith(f"      {word}")
        assert key in lines[2]


def test_why_it_did_nothing_when_it_was_triggered(tmp_path: Path) -> None:
    """What did not hold, or was suppressed, when it was triggered last and did nothing."""
    clauses = (
        ClauseTrace("a", True),  # noqa: FBT003 - its value
        ClauseTrace("b == 1", False, (("b", 2), ("c", "x"))),  # noqa: FBT003 - its value
        ClauseTrace("d", None, (), "d: no value"),
    )
    windows = (
        TemporalTrace("within: to held in the last 10m", False, "never in that time"),  # noqa: FBT003
        TemporalTrace("count: to held", True, "once"),  # noqa: FBT003 - it holds
    )
    actions = (ActionTrace("hold", "suppressed", "once_within 10m"), ActionTrace("x", "taken"))
    path = write(
        tmp_path / "r.jsonl",
        [
            ONE,
            record(1, ruling=ruling("condition", clauses=clauses, temporal=windows)),
            record(2, ruling=ruling("acted"), seconds=1),
            record(3, ruling=ruling("waiting"), seconds=2),
            record(4, ruling=ruling("acted", rule="two"), seconds=3),
        ],
    )
    assert end_of(explained(path, "one")) == [
        "one, as it counts since 2026-11-22T18:22:01.123Z, line 1 of the file:",
        "      waits for  to held",
        "      so far     3 times: condition did not hold 1, acted 1, began to wait 1",
        "      last idle  2026-11-22T18:22:01.123Z",
        "      false      within: to held in the last 10m: never in that time",
        '      false      b == 1    (b = 2; c = "x")',
        "      none       d    (d: no value)",
    ]
    path = write(
        tmp_path / "r.jsonl",
        [ONE, record(1, ruling=ruling("suppressed", why="mode single", actions=())), record(2)],
    )
    assert end_of(explained(path, "one"))[-1] == (
        "      last idle  2026-11-22T18:22:01.123Z, mode single"
    )
    trace = RuleTrace("one", "to held", "suppressed", actions=actions)
    suppressed = Ruling(NO_MEMORY, Trace(AT, CALL, "x", (trace,)))
    path = write(tmp_path / "r.jsonl", [ONE, record(1, ruling=suppressed)])
    assert end_of(explained(path, "one"))[-1] == "      suppressed hold: by once_within 10m"
    path = write(tmp_path / "r.jsonl", [ONE, record(1, ruling=ruling("acted"))])
    assert end_of(explained(path, "one"))[-1] == "      so far     1 time: acted 1"


def test_what_it_waits_for_now(tmp_path: Path) -> None:
    """Its timer and its commands, as the last decision or the part's beginning left them."""
    waits = (
        Wait("one", "for", "one#1", at(300), EVENT),
        Wait("two", "absence", "two#1", at(60), EVENT),
        Wait("three", "schedule", "three#1", at(60), EVENT),
    )
    memory = RuleMemory(waits=waits, runs=(Run("one", AT, 2), Run("two", AT, 1)))
    rules = change("".join(one_rule("{ to = 'held' }", name=n) for n in ("one", "two", "three")))
    interaction = Interaction(CALL, "held", HoldData(AT), rules=RuleState(memory))
    path = write(tmp_path / "r.jsonl", [rules, InteractionState(0, interaction)])
    for rule, expected in (
        ("one", "it waits for the state to last, due 2026-11-22T18:27:01.123Z"),
        ("two", "it waits for what must not come, due 2026-11-22T18:23:01.123Z"),
        ("three", "it waits, due 2026-11-22T18:23:01.123Z"),
    ):
        assert f"      now        {expected}" in end_of(explained(path, rule))
    assert "2 commands of it under way since 2026-11-22T18:22:01.123Z" in explained(path, "one")
    assert "1 command of it under way" in explained(path, "two")
    found = list(Explained(gather(path, CALL, rule="one")).objects())[-2]
    assert found["waitsUntil"] == "2026-11-22T18:27:01.123Z"

    path = write(
        tmp_path / "r.jsonl",
        [rules, InteractionState(0, interaction), record(1, ruling=Ruling(NO_MEMORY))],
    )
    assert "now" not in explained(path, "one")
    other = Interaction(CALL, "held", HoldData(AT))
    path = write(
        tmp_path / "r.jsonl",
        [rules, InteractionState(0, interaction), InteractionState(0, other)],
    )
    assert "now" not in explained(path, "one")
    none = RulesChange(at(1), "", "")
    path = write(
        tmp_path / "r.jsonl",
        [rules, InteractionState(0, interaction), none, attrs.evolve(rules, at=at(2))],
    )
    assert "now" not in explained(path, "one")


def test_loading_other_rules_is_told(tmp_path: Path) -> None:
    """An interaction that was carried over, and remarks, which are done when they are journaled."""
    planned = (PlannedAction("id", AnnotateAction("one", "x")),)
    asked = RulesAsked(AT, CALL, RuleEvent(AT, "rules_loaded", "held", "held"), ruling("waiting"))
    path = write(tmp_path / "r.jsonl", [ONE, asked, record(1, ruling=ruling(actions=planned))])
    assert "  other rules were loaded: held\n" in explained(path)
    decision = list(Explained(gather(path, CALL)).objects())[-2]
    assert decision["actions"][0]["isDone"] is True


def test_the_rules_of_the_document_are_those_of_the_journal() -> None:
    """The example of the documentation has the first rule and two of the cookbook."""
    assert [rule.name for rule in rules_of(RULES).rules] == [
        "consultation-too-long",
        "vip-release-early",
        "third-hold",
    ]
