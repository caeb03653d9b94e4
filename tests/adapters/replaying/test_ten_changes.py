"""A recorded day replays as it was; of each of ten changes just that one is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from attrs import evolve
from tests.support.recordings import RULES, Day, Edited

from hookflash.adapters.replaying.verifying import AS_RECORDED, Choices, Verdict, verify
from hookflash.adapters.rules_files import names_of
from hookflash.adapters.specifications import load_machine
from hookflash.engine.replaying.findings import Damage, Group
from hookflash.engine.replaying.stepping_by import Trial
from hookflash.machines import events as ev
from hookflash.machines import hold, hold_guards
from hookflash.machines.codec import RecordCodec
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Implementation, Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import Record
from hookflash.machines.rules.ruleset import parse_rules
from hookflash.machines.spec import parse_spec

RELEASE = (
    'guards = ["releases"]\ntarget = "unhold_pending"\neffects = ["send_release", "watch_release"]'
)
SENT = 'event = "sent"\nguards = ["is_current"]'


def only_group(verdict: Verdict) -> Group:
    """The one kind of divergence that was found, and nothing else."""
    assert verdict.findings.damages.kept == []
    (group,) = verdict.findings.groups.groups()
    return group


def only_damage(verdict: Verdict) -> Damage:
    """The one damage that was found, and no divergence that does not follow from it."""
    assert verdict.findings.groups.count == 0
    (damage,) = verdict.findings.damages.kept
    return damage


def definition(day: Day, tmp_path: Path, old: str, new: str) -> Choices:
    """Try the recorded definition with one change."""
    text = orjson.loads(day.lines[0])["definition"]
    assert text.count(old) >= 1
    path = tmp_path / "changed.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return Choices(trial=Trial(machine=load_machine(path)))


def is_hold_sent(raw: dict[str, Any]) -> bool:
    return bool(raw["effects"]) and raw["effects"][0]["type"] == "send_hold"


def is_hold_confirmed(raw: dict[str, Any]) -> bool:
    return (raw["event"]["type"], raw["to"]) == ("acknowledged", "held")


def is_sent(raw: dict[str, Any]) -> bool:
    return bool(raw["event"]["type"] == "sent")


def test_a_recorded_day_is_the_same(day: Day, ruled_day: Day) -> None:
    """What the engine recorded, with faults and with rules, comes out the same."""
    for one in (day, ruled_day):
        verdict = verify([one.path])
        assert verdict.same, verdict.findings
        assert verdict.findings.interactions == 40
        assert verdict.findings.records > 600
        assert verdict.findings.notices == {}


def test_the_target_of_a_row(day: Day, tmp_path: Path) -> None:
    """1. The row is named, with what became of its target and its effects."""
    changed = RELEASE.replace("unhold_pending", "expired").replace(
        'send_release", "watch_release', "expire"
    )
    choices = definition(day, tmp_path, RELEASE, changed)
    group = only_group(verify([day.path], choices))
    first = group.examples[0]
    line = changed_line(tmp_path, 'target = "expired"\neffects = ["expire"]', "limit_timer_fired")
    assert first.cause.kind == "definition"
    assert first.cause.text == (
        f"limit_timer_fired in held: the row at line {line} of {tmp_path}/changed.toml [releases]:"
        " target 'unhold_pending' became 'expired',"
        " effects [send_release, watch_release] became [expire]"
    )
    assert first.differences[0] == ("to", "unhold_pending", "expired")


def changed_line(tmp_path: Path, below: str, event: str) -> int:
    """The line of the row that was changed."""
    text = (tmp_path / "changed.toml").read_text("utf-8")
    table = text.rindex("[[transitions]]", 0, text.index(below, text.index(f'"{event}"\nguards')))
    return text[:table].count("\n") + 1


def test_the_guards_of_a_row(day: Day, tmp_path: Path) -> None:
    """2. The row is named, with its guards then and now."""
    changed = SENT.replace('"is_current"', '"is_current", "was_sent"')
    choices = definition(day, tmp_path, SENT, changed)
    verdict = verify([day.path], choices)
    assert verdict.findings.damages.count == 0
    for group in verdict.findings.groups.groups():
        cause = group.examples[0].cause
        assert cause.kind == "definition"
        assert (
            "[is_current, was_sent]: guards [is_current] became [is_current, was_sent]"
            in cause.text
        )


def patch_implementation(monkeypatch: pytest.MonkeyPatch, changed: Implementation) -> None:
    """Let the hold machine mean something else."""
    monkeypatch.setattr(hold, "IMPLEMENTATION", changed)
    monkeypatch.setattr("hookflash.adapters.specifications._kept_machines", {})


def test_the_code_of_a_guard(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """2, in the code. Where other rows are taken now, the guard is named that decides otherwise."""

    def stale(interaction: Any, event: Any, policy: HoldPolicy) -> bool:
        return event.source == "frame" or hold_guards.stale(interaction, event, policy)

    guards: dict[str, Any] = dict(hold.IMPLEMENTATION.guards) | {"stale": stale}
    patch_implementation(monkeypatch, evolve(hold.IMPLEMENTATION, guards=guards))
    verdict = verify([day.path])
    causes = [group.examples[0].cause for group in verdict.findings.groups.groups()]
    assert causes
    for cause in causes:
        assert cause.kind == "guard"
        assert "[stale] is taken: `stale` did not hold then" in cause.text


def test_a_timer(edited: Edited) -> None:
    """3. The record is named, the timer's instant on both sides, and what makes it."""
    index = edited.day.find(is_hold_confirmed)

    def later(raw: dict[str, Any]) -> None:
        timers = [one["timer"] for one in raw["effects"] if one["type"] == "start_timer"]
        next(one for one in timers if one["name"] == "limit")["due_at"] = (
            "2026-01-11T00:00:00.000000Z"
        )

    group = only_group(verify([edited.change(index, later).write()]))
    (one,) = group.examples
    assert group.count == 1
    assert one.seq == edited.day.raw(index)["seq"]
    assert one.field == "effects[2].timer.due_at"
    assert one.recorded == "2026-01-11T00:00:00.000000Z"
    assert one.now != one.recorded
    assert one.cause.kind == "effect"
    assert "`confirm_hold`" in one.cause.text


def test_the_field_of_an_effect(edited: Edited) -> None:
    """4. The record is named, the field on both sides, and what makes the effect."""
    index = edited.day.find(is_hold_sent)
    priority = edited.day.raw(index)["effects"][0]["priority"]
    changed = edited.change(index, lambda raw: raw["effects"][0].update(priority=priority + 1))
    (one,) = only_group(verify([changed.write()])).examples
    assert one.differences == (("effects[0].priority", priority + 1, priority),)
    assert "`send_hold`" in one.cause.text


def test_the_threshold_of_a_rule(ruled_day: Day) -> None:
    """5. The rule is named with its condition then and now; and a `for` with the times."""
    changed = RULES.replace("interaction.holds >= 2", "interaction.holds >= 3")
    verdict = verify([ruled_day.path], Choices(rules=parse_rules(changed, "new.toml", names_of())))
    assert verdict.findings.damages.count == 0
    for group in verdict.findings.groups.groups():
        (one,) = {(one.field, str(one.recorded), one.now) for one in group.examples}
        assert one == ("rules.many-holds", "['annotate: held 2 times']", None)
        assert group.examples[0].cause.text.startswith(
            "rule 'many-holds': condition `interaction.holds >= 2` became `interaction.holds >= 3`"
        )


def test_the_wait_of_a_rule(ruled_day: Day) -> None:
    """5, in time. A rule that waits shorter acts earlier, and sometimes where it had not acted."""
    changed = RULES.replace('for = "60s"', 'for = "45s"')
    verdict = verify([ruled_day.path], Choices(rules=parse_rules(changed, "new.toml", names_of())))
    groups = verdict.findings.groups.groups()
    assert {group.examples[0].field for group in groups} <= {
        "rules.long-queueing",
        "rules.long-queueing.at",
    }
    assert all("for `1m` became `45s`" in group.examples[0].cause.text for group in groups)


@pytest.mark.parametrize("rules", [RULES, RULES + "\n# a remark\n"])
def test_the_same_rules_decide_the_same(ruled_day: Day, rules: str) -> None:
    """5, the other way round: the very rules that counted change nothing."""
    tried = parse_rules(rules, "new.toml", names_of())
    assert verify([ruled_day.path], Choices(rules=tried)).same


@pytest.mark.parametrize(
    "wanted",
    [is_hold_confirmed, is_hold_sent, is_sent],
    ids=["acknowledged", "requested", "sent"],
)
def test_a_dropped_record(edited: Edited, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """6. The missing number is named; what differs because of it only follows."""
    index = edited.day.find(wanted)
    seq = edited.day.raw(index)["seq"]
    del edited.lines[index]
    damage = only_damage(verify([edited.write()]))
    assert (damage.kind, damage.seq, damage.last) == ("missing", seq, None)
    assert f"record {seq} is missing" in damage.text


def test_two_swapped_records(edited: Edited) -> None:
    """7. Both are named, and the replay goes on as if they stood right."""
    lines = edited.lines
    lines[100], lines[130] = lines[130], lines[100]
    damage = only_damage(verify([edited.write()]))
    first, second = edited.day.raw(100)["seq"], edited.day.raw(130)["seq"]
    assert (damage.kind, damage.seq, damage.last) == ("misplaced", first, second)
    assert damage.text.startswith(f"records {first} and {second} stand in each other's place")


@pytest.mark.parametrize("index", [3, 9, 30, 70, 200, -200, -100, -20, -15, -8, -2])
def test_a_changed_byte(edited: Edited, index: int) -> None:
    """8. The very byte is named, with what it was; the line is replayed as it was written."""
    number = edited.day.find(is_hold_confirmed)
    line = bytearray(edited.lines[number])
    line[index] ^= 0x01
    edited.lines[number] = bytes(line)
    verdict = verify([edited.write()])
    assert verdict.findings.groups.following == 0
    damage = only_damage(verdict)
    was, now = chr(edited.day.lines[number][index]), chr(line[index])
    position = index % len(line) + 1
    assert damage.kind == "changed"
    assert f"byte {position} was {was!r} and is {now!r}" in damage.text
    assert damage.seq == edited.day.raw(number)["seq"]


def test_another_policy(day: Day) -> None:
    """9. The setting is named that makes the difference, with both values."""
    choices = Choices(trial=Trial(policy=HoldPolicy(ack_timeout_s=7.0, warn_at=0.8)))
    verdict = verify([day.path], choices)
    assert verdict.findings.damages.count == 0
    groups = verdict.findings.groups.groups()
    assert {group.examples[0].field for group in groups} == {"effects[0].timer.due_at"}
    for group in groups:
        cause = group.examples[0].cause
        assert cause.kind == "policy"
        assert cause.text == "the policy differs: ack_timeout_s 5 became 7"


def test_a_policy_that_shows_later(day: Day) -> None:
    """9, later. What happens at the limit is settled when a hold begins, and shows at its end."""
    verdict = verify([day.path], Choices(trial=Trial(policy=HoldPolicy(on_limit="expire"))))
    groups = verdict.findings.groups.groups()
    assert groups
    assert all(group.examples[0].differences[0][0] == "to" for group in groups)
    assert {group.examples[0].cause.text for group in groups} == {
        "the policy differs: on_limit 'release' became 'expire'"
    }


def older_format(day: Day, spec_hash: str | None = None) -> list[bytes]:
    """The day as format 1 has it."""
    header = day.raw(0)
    for key in ("first_seq", "definition"):
        del header[key]
    header["format"] = 1
    header["spec_hash"] = spec_hash or header["spec_hash"]
    lines = [orjson.dumps(header) + b"\n"]
    for index in range(1, len(day.lines)):
        raw = day.raw(index)
        raw.pop("begins", None)
        if "kind" not in raw:
            lines.append(orjson.dumps(raw) + b"\n")
    return lines


def test_an_older_format(edited: Edited) -> None:
    """10. It is read, and comes out the same; where it is of another definition, that is said."""
    edited.lines = older_format(edited.day)
    assert verify([edited.write()], AS_RECORDED).same
    edited.lines = older_format(edited.day, "ab" * 32)
    verdict = verify([edited.write()])
    assert verdict.same
    (notice,) = verdict.findings.notices
    assert "was written by another definition of the machine 'hold' (abababababab" in notice
    assert "it is stepped by specs/hold.toml" in notice


def test_today_s_definition_is_another_one(day: Day, edited: Edited) -> None:
    """Where the shipped definition has changed since, that is said with the rows, and tried."""
    old = orjson.loads(day.lines[0])["definition"].replace(
        RELEASE, RELEASE.replace('["send', '[ "send')
    )
    text = old.replace('effects = ["confirm_hold"]', 'effects = ["confirm_hold", "look_up"]', 1)
    digest = Machine(load_definition(text), hold.IMPLEMENTATION).spec.digest

    def another(raw: dict[str, Any]) -> None:
        raw["definition"], raw["spec_hash"] = text, digest

    path = edited.change(0, another).write()
    verdict = verify([path])
    (notice,) = verdict.findings.notices
    assert "effects [confirm_hold, look_up] became [confirm_hold]" in notice
    assert "`--spec shipped` tries today's" in notice
    assert not verdict.same, "this recording was not made by the definition that it names"
    tried = verify([path], Choices(trial=Trial(machine=load_machine("hold"))))
    assert tried.same


def load_definition(text: str) -> Any:
    """Parse a definition."""
    return parse_spec(text, "changed")


# --- explanations that take more than one step ----------------------------------------------------


def test_several_settings_of_which_one_counts(day: Day) -> None:
    """Of several settings that differ the one is named that alone makes the difference."""
    policy = HoldPolicy(ack_timeout_s=7.0, lookup_backoff_max_s=31.0, release_backoff_s=6.0)
    verdict = verify([day.path], Choices(trial=Trial(policy=policy)))
    causes = {group.examples[0].cause.text for group in verdict.findings.groups.groups()}
    assert "the policy differs: ack_timeout_s 5 became 7" in causes
    assert all("lookup_backoff_max_s" not in cause for cause in causes)


def test_several_settings_that_show_later(day: Day) -> None:
    """Where none of them alone does at that record, all are named."""
    policy = HoldPolicy(on_limit="expire", release_backoff_s=6.0)
    verdict = verify([day.path], Choices(trial=Trial(policy=policy)))
    texts = [group.examples[0].cause.text for group in verdict.findings.groups.groups()]
    assert any(text.startswith("the policy differs, in one of these: ") for text in texts)


def test_a_row_that_shows_later(tmp_path: Path) -> None:
    """Where another row made the difference before, the definition's changes are named."""
    machine = load_machine("hold")
    codec, interaction = RecordCodec(machine), machine.start("a")
    lines = [encode_header(codec.new_header("localhost:8443", Instant(0)))]
    for seq, event in enumerate(
        (
            ev.HoldRequested(Instant(10), "c", Instant(10), "consultation", 5),
            ev.Sent(Instant(20), "c"),
            ev.ObservedActive(Instant(30), Instant(30), "frame", "u"),
            ev.Acknowledged(Instant(40), "c"),
        ),
        start=1,
    ):
        step = machine.step(interaction, event)
        states = interaction.state, step.interaction.state
        lines.append(codec.encode(Record(seq, "a", event, *states, step.effects, seq == 1)))
        interaction = step.interaction
    day = Day(tmp_path / "day.jsonl", tuple(lines))
    day.path.write_bytes(b"".join(lines))
    old = 'event = "observed_active"\nguards = ["no_proof"]\neffects = ["note_contradiction"]\n'
    choices = definition(day, tmp_path, old, old.rpartition("effects")[0])
    (group,) = verify([day.path], choices).findings.groups.groups()
    assert group.examples[0].seq == 4
    assert "the definition differs elsewhere: " in group.examples[0].cause.text
    assert "effects [note_contradiction] became []" in group.examples[0].cause.text


def test_definition_and_policy(day: Day, tmp_path: Path) -> None:
    """Where both are tried, each difference is explained by the one that makes it."""
    changed = RELEASE.replace("unhold_pending", "expired").replace(
        'send_release", "watch_release', "expire"
    )
    machine = definition(day, tmp_path, RELEASE, changed).trial.machine
    trial = Trial(machine=machine, policy=HoldPolicy(ack_timeout_s=7.0))
    kinds = {
        group.examples[0].cause.kind
        for group in verify([day.path], Choices(trial=trial)).findings.groups.groups()
    }
    assert kinds == {"definition", "policy"}


def test_the_code_of_an_effect(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """4, in the code. The effect is named that comes out otherwise."""
    original = hold.IMPLEMENTATION
    effects: dict[str, Any] = dict(original.effects)

    def changed(draft: Any, event: Any) -> None:
        effects["send_hold"](draft, event)
        draft.effects[-1] = evolve(draft.effects[-1], priority=99)

    patch_implementation(monkeypatch, evolve(original, effects=effects | {"send_hold": changed}))
    groups = verify([day.path]).findings.groups.groups()
    assert {group.examples[0].field for group in groups} == {"effects[0].priority"}
    assert all(
        "`send_hold` comes out otherwise" in group.examples[0].cause.text for group in groups
    )


def test_code_that_fails(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that raises is a difference like any other, and the replay goes on."""

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    effects: dict[str, Any] = dict(hold.IMPLEMENTATION.effects) | {"start_ack_timer": fail}
    patch_implementation(monkeypatch, evolve(hold.IMPLEMENTATION, effects=effects))
    verdict = verify([day.path])
    first = verdict.findings.groups.first()
    assert first is not None
    assert first.cause.text == "the code behind the definition fails on it"
    assert verdict.findings.records == len(day.lines) - 1


def nothing(_draft: Any, _event: Any) -> None:
    """Ask for nothing."""


def test_an_effect_that_is_not_asked_for_any_more(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an effect is missing altogether, those of the row are named."""
    effects: dict[str, Any] = dict(hold.IMPLEMENTATION.effects) | {"send_hold": nothing}
    patch_implementation(monkeypatch, evolve(hold.IMPLEMENTATION, effects=effects))
    first = verify([day.path]).findings.groups.first()
    assert first is not None
    assert (first.field, first.now) == ("effects[0]", None)
    assert "`send_hold` comes out otherwise" in first.cause.text


def test_a_state_that_no_row_leads_to(edited: Edited) -> None:
    """Where no row does what was recorded, that is said."""
    index = edited.day.find(is_sent)
    changed = edited.change(index, lambda raw: raw.update(to="expired"))
    first = verify([changed.write()]).findings.groups.first()
    assert first is not None
    assert first.differences[0][:2] == ("to", "expired")
    assert "no row of 'hold_pending' does what was recorded" in first.cause.text
