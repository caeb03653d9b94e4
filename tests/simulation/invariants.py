"""What must hold whatever goes wrong, and what must hold once nothing does any more."""

from collections import Counter
from pathlib import Path
from typing import Any

from tests.simulation.plan import Plan
from tests.simulation.process import Witness

from hookflash.adapters.audit import verify
from hookflash.adapters.journal import read_entries, read_header
from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.journal.recording import read_lines
from hookflash.adapters.simulator import Simulator
from hookflash.adapters.specifications import load_machine
from hookflash.engine.controller import Controller
from hookflash.engine.recovery import Recovered, recover
from hookflash.machines.effects import (
    EndCommand,
    NoteForeign,
    RaiseAlarm,
    SendHold,
    SendUnhold,
    Warn,
)
from hookflash.machines.events import Acknowledged, HoldRequested, Refused, UnholdRequested
from hookflash.machines.instants import after
from hookflash.machines.lines import parse_object
from hookflash.machines.records import Entry, Record, RulesAsked
from hookflash.machines.rules.actions import (
    AnnotateAction,
    HoldAction,
    NotifyAction,
    UnholdAction,
)
from hookflash.machines.rules.ruling import PlannedAction

GRACE_S = 1.0
"""How long after its limit a caller may still be on hold while nothing goes wrong."""


def read_journal(path: Path) -> tuple[list[Entry], Recovered]:
    """Read the whole journal and fold it from its first record, through no snapshot."""
    machine = load_machine("hold")
    header = read_header(path)
    definitions = Definitions(header, machine, str(path))
    entries: list[Entry] = list(read_entries(path, machine, definitions))
    folded = recover(definitions, header, entries, str(path))
    return entries, folded


def audit_lines(path: Path) -> list[dict[str, Any]]:
    """Read the audit log, and see that its chain is whole."""
    if not path.exists():
        return []
    report = verify(path)
    assert report.whole, report.text()
    lines = [line for _, line in read_lines(path)]
    return [parse_object(line) for line in lines[: report.lines]]


def check_gateway(simulator: Simulator, plan: Plan) -> None:
    """No frame was carried out twice, none made no sense, and none was sent in vain.

    Whether a hold meets a held interaction can only be asked where nobody else acts, and where no
    frame lies about unread while its socket hangs: no lookup can tell of such a frame, and an
    unhold that was sent again meets the first one.
    """
    statistics = simulator.statistics()
    assert 0 == statistics.reused_correlations, "a frame was sent twice"
    assert 0 == statistics.invalid_commands
    hangs = plan.gateway.sockets.half_open_every or any(
        trouble.kind == "partition" for life in plan.lives for trouble in life.troubles
    )
    if not (plan.foreign or hangs):
        assert 0 == statistics.holds_of_held, "a hold was sent to a held interaction"
        assert 0 == statistics.unholds_of_active, "an unhold was sent to an active interaction"


def check_files(
    folder: Path, simulator: Simulator, witness: Witness, *, power_cut: bool, whole: bool
) -> int:
    """Journal and audit log explain all that happened; return the number of records.

    Args:
        folder: Where they are.
        simulator: What really happened.
        witness: What was seen of it.
        power_cut: Whether the last life ended in a loss of power: what was appended and not synced
            may be lost, but nothing may have left that depends on it.
        whole: Whether all has settled and the process was stopped in order.
    """
    entries, folded = read_journal(folder / "hookflash.db")
    records = [entry for entry in entries if isinstance(entry, Record)]
    assert list(range(1, len(records) + 1)) == [record.seq for record in records]
    _check_written_before_sent(records, simulator)
    _check_duplicates_change_nothing(records)
    for interaction_id, proved in () if power_cut else witness.proved.items():
        found = folded.interactions.get(interaction_id)
        allowed = (proved, witness.attempted.get(interaction_id))
        assert found in allowed, (found, proved)
    ends = [end for entry in entries for end in _ends_of(entry)]
    command_ids = [
        effect.command_id
        for record in records
        for effect in record.effects
        if isinstance(effect, EndCommand)
    ]
    assert len(set(command_ids)) == len(command_ids), "a command ended twice"
    lines = [
        (line["correlationId"], line["outcome"]) for line in audit_lines(folder / "audit.jsonl")
    ]
    if whole:
        assert lines == ends, f"audit log and journal differ: {_first_difference(lines, ends)}"
        _check_all_ended(records)
        _check_monitors(records, witness)
        _check_rules(entries, folded, set(command_ids), witness)
    else:
        assert lines == ends[: len(lines)], (
            f"audit log and journal differ: {_first_difference(lines, ends)}"
        )
    known = set(ends)
    for outcome in witness.outcomes:
        assert outcome[0] is None or outcome in known or outcome[1] == "unknown", (
            f"no audit line of {outcome}"
        )
    return len(records)


def _ends_of(entry: Entry) -> list[tuple[str, str]]:
    """Return what the audit log has of an entry: correlation id and outcome of each line."""
    ends = [
        (effect.correlation_id, "confirmed" if isinstance(effect, NoteForeign) else effect.outcome)
        for effect in (entry.effects if isinstance(entry, Record) else ())
        if isinstance(effect, EndCommand | NoteForeign)
    ]
    remarks = [one.id for one in _planned(entry) if isinstance(one.action, AnnotateAction)]
    return ends + [(remark, "noted") for remark in remarks]


def _planned(entry: Entry) -> tuple[PlannedAction, ...]:
    """Return what rules decided on."""
    if isinstance(entry, RulesAsked):
        return entry.ruling.actions
    return entry.rules.actions if isinstance(entry, Record) and entry.rules is not None else ()


def _check_rules(
    entries: list[Entry], folded: Recovered, command_ids: set[str], witness: Witness
) -> None:
    """What rules decided on was done: commands once, messages at least once and once in a life."""
    told = Counter(effect_id for _, effect_id in witness.notified)
    for planned in (one for entry in entries for one in _planned(entry)):
        if isinstance(planned.action, HoldAction | UnholdAction):
            assert planned.id in command_ids, f"never done: {planned}"
        elif isinstance(planned.action, NotifyAction):
            assert told[planned.id] >= 1, f"never told: {planned}"
    twice = [key for key, count in Counter(witness.notified).items() if count > 1]
    assert not twice, f"told twice in one life: {twice}"
    for interaction in folded.interactions.values():
        assert interaction.rules is None or not interaction.rules.open, interaction


def _first_difference(left: list[Any], right: list[Any]) -> str:
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return f"line {index + 1}: {one} / {other}"
    return f"{len(left)} / {len(right)} lines"


def _check_written_before_sent(records: list[Record], simulator: Simulator) -> None:
    intents = {
        effect.correlation_id
        for record in records
        for effect in record.effects
        if isinstance(effect, SendHold | SendUnhold)
    }
    for command in simulator.received():
        assert command.correlation_id in intents, f"left unrecorded: {command}"


def _check_duplicates_change_nothing(records: list[Record]) -> None:
    answered: set[tuple[str, str]] = set()
    for record in records:
        event = record.event
        if isinstance(event, Acknowledged | Refused):
            key = (record.interaction_id, event.correlation_id)
            if key in answered:
                assert record.source == record.target, f"a duplicate moved: {record}"
                assert not record.effects, f"a duplicate had effects: {record}"
            answered.add(key)


def check_settled(controller: Controller, simulator: Simulator, plan: Plan) -> None:
    """Nothing is under way, nobody is forgotten, and the engine knows what is true."""
    now = controller.now()
    truth = simulator.all_states()
    for snapshot in controller.interactions():
        assert snapshot.pending is None, snapshot
        held = truth.get(snapshot.id) == "held"
        assert held == (snapshot.state in {"held", "expired"}), (snapshot, truth.get(snapshot.id))
        if held:
            assert snapshot.limit_at is not None
            late = now > after(snapshot.limit_at, GRACE_S)
            assert not late or (plan.on_limit == "expire" and snapshot.state == "expired"), (
                f"forgotten past the limit: {snapshot}"
            )
    known = {snapshot.id for snapshot in controller.interactions()}
    if not plan.foreign:
        for interaction_id, state in truth.items():
            assert state != "held" or interaction_id in known, f"nobody knows of {interaction_id}"


def _check_all_ended(records: list[Record]) -> None:
    """Every command that the machine took has ended."""
    asked = {
        record.event.correlation_id
        for record in records
        if isinstance(record.event, HoldRequested | UnholdRequested)
    }
    ended = {
        effect.command_id
        for record in records
        for effect in record.effects
        if isinstance(effect, EndCommand)
    }
    assert asked <= ended, f"never ended: {asked - ended}"


def _check_monitors(records: list[Record], witness: Witness) -> None:
    """Monitors were told of everything: at least once, and at most once in each life."""
    told = Counter((payload["effectId"], payload["correlationId"]) for _, payload in witness.told)
    for record in records:
        for index, effect in enumerate(record.effects):
            if isinstance(effect, EndCommand | NoteForeign | Warn | RaiseAlarm):
                names = (
                    effect.hold_id
                    if isinstance(effect, Warn | RaiseAlarm)
                    else effect.correlation_id
                )
                key = (f"{record.seq}/{index}", names)
                assert told[key] >= 1, f"monitors were not told: {effect}"
    in_a_life = Counter((life, payload["effectId"]) for life, payload in witness.told)
    twice = [key for key, count in in_a_life.items() if count > 1]
    assert not twice, f"told twice in one life: {twice}"


def check_limits(controller: Controller, plan: Plan) -> None:
    """Nobody is on hold past the limit without its release being under way, or an alarm."""
    now = controller.now()
    for snapshot in controller.interactions():
        if snapshot.limit_at is not None and now > after(snapshot.limit_at, GRACE_S):
            pending = snapshot.pending == "unhold"
            assert pending or snapshot.state == "expired", f"nothing happens: {snapshot}, {plan}"
