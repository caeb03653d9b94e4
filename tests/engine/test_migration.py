"""What becomes of open interactions when the machine's definition has changed."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.specifications import load_machine
from hookflash.engine.migration import carry_over
from hookflash.engine.recovery import Recovered
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import JournalError, SpecError
from hookflash.machines.instants import Instant
from hookflash.machines.interaction import Interaction, Timer
from hookflash.machines.machine import Machine
from hookflash.machines.records import DefinitionChange
from hookflash.machines.spec import parse_spec

CALL = "22222222-2222-4222-8222-222222222222"
TODAY = load_machine("hold")
TEXT = TODAY.spec.text


def machine_of(text: str, **more: Any) -> Machine[Any, Any]:
    return Machine(parse_spec(text, "hold.toml"), evolve(TODAY.implementation, **more))


def earlier_text(change: Callable[[str], str] | None = None) -> str:
    """An earlier definition of the shipped machine: its words were others."""
    text = TEXT.replace("The caller is on hold; the limit counts.", "On hold.")
    assert text != TEXT
    return text if change is None else change(text)


def left_by(
    text: str, *, timer: str = "limit", state: str = "held"
) -> tuple[Recovered, Definitions]:
    """What a run under the definition *text* left: one caller on hold."""
    spec = parse_spec(text, "hold.toml")
    data = TODAY.implementation.data()
    held = Interaction(CALL, state, data, None, (Timer(timer, "hold-1", Instant(9)),))
    recovered = Recovered({CALL: held}, spec_hash=spec.digest)
    header = evolve(
        RecordCodec(TODAY).new_header("gateway.test", Instant(1)),
        spec_hash=spec.digest,
        definition=text,
    )
    return recovered, Definitions(header, TODAY, "journal")


def change_to(machine: Machine[Any, Any]) -> DefinitionChange:
    codec = RecordCodec(machine)
    return DefinitionChange(
        Instant(5), machine.spec.digest, machine.spec.text, codec.policy_fields()
    )


def migrating(digest: str, body: str = "") -> str:
    return f'{TEXT}\n[[migrations]]\nfrom = "{digest[:16]}"\ndoc = "Other words."\n{body}'


def test_under_the_same_definition_nothing_changes() -> None:
    """Open interactions go on first, then idle ones; not the ended, nor those not learnt about."""
    recovered, definitions = left_by(TEXT)
    unknown = TODAY.start("66666666-6666-4666-8666-666666666666")
    recovered.interactions[unknown.id] = unknown
    idle = evolve(
        TODAY.start("33333333-3333-4333-8333-333333333333"),
        data=evolve(unknown.data, changed_at=Instant(5)),
    )
    recovered.interactions[idle.id] = idle
    ended = evolve(idle, id="44444444-4444-4444-8444-444444444444", state="closed")
    recovered.interactions[ended.id] = ended
    kept = carry_over(recovered, TODAY, definitions, change_to(TODAY))
    assert [(CALL, None), (idle.id, None)] == [(one.interaction.id, one.machine) for one in kept]


def test_without_a_declared_migration_it_finishes_under_the_old_definition() -> None:
    """The old definition is in the journal; idle interactions begin under today's."""
    text = earlier_text()
    recovered, definitions = left_by(text)
    idle = TODAY.start("33333333-3333-4333-8333-333333333333")
    recovered.interactions[idle.id] = idle
    (kept,) = carry_over(recovered, TODAY, definitions, change_to(TODAY))
    assert kept.machine is not None
    assert parse_spec(text, "").digest == kept.machine.spec.digest
    assert TODAY.policy == kept.machine.policy


def test_one_that_finishes_goes_on_doing_so_after_another_start() -> None:
    """The definition that an interaction names counts, not the one that the journal names last."""
    text = earlier_text()
    recovered, definitions = left_by(text)
    recovered.definitions[CALL] = recovered.spec_hash
    recovered.spec_hash = TODAY.spec.digest
    (kept,) = carry_over(recovered, TODAY, definitions, change_to(TODAY))
    assert kept.machine is not None


def test_a_declared_migration_carries_it_over() -> None:
    """States get the names that they have here; data and timers stay."""
    renamed = earlier_text(
        lambda text: text.replace('"held"', '"parked"').replace("[states.held]", "[states.parked]")
    )
    recovered, definitions = left_by(renamed, state="parked")
    machine = machine_of(migrating(recovered.spec_hash, 'states = { parked = "held" }'))
    (kept,) = carry_over(recovered, machine, definitions, change_to(machine))
    assert ("held", None) == (kept.interaction.state, kept.machine)
    assert recovered.interactions[CALL].timers == kept.interaction.timers


def test_of_several_migrations_the_one_from_that_definition_counts() -> None:
    """Each earlier definition has its own; one that none is from finishes under itself."""
    recovered, definitions = left_by(earlier_text())
    text = migrating("f" * 64) + f'\n[[migrations]]\nfrom = "{recovered.spec_hash}"\ndoc = "x"\n'
    machine = machine_of(text)
    (kept,) = carry_over(recovered, machine, definitions, change_to(machine))
    assert (CALL, None) == (kept.interaction.id, kept.machine)
    assert machine.spec.migration_from("e" * 64) is None


def test_a_carry_function_sees_to_what_names_cannot() -> None:
    """It gets the interaction, and what it returns counts."""

    def without_timers(interaction: Interaction[Any]) -> Interaction[Any]:
        return evolve(interaction, timers=())

    recovered, definitions = left_by(earlier_text(), timer="of_old")
    text = migrating(recovered.spec_hash, 'carry = "without_timers"')
    machine = machine_of(text, migrations={"without_timers": without_timers})
    (kept,) = carry_over(recovered, machine, definitions, change_to(machine))
    assert () == kept.interaction.timers


@pytest.mark.parametrize(
    ("state", "timer", "named"), [("parked", "limit", "parked"), ("held", "of_old", "of_old")]
)
def test_an_incomplete_migration_is_refused(state: str, timer: str, named: str) -> None:
    """A state or timer without a counterpart is named; nothing is silently reinterpreted."""
    recovered, definitions = left_by(earlier_text(), state=state, timer=timer)
    machine = machine_of(migrating(recovered.spec_hash))
    with pytest.raises(SpecError, match=f"'{named}' of the earlier definition"):
        carry_over(recovered, machine, definitions, change_to(machine))


def test_what_can_neither_migrate_nor_finish_stops_the_start() -> None:
    """The message names the definition, the interactions, and why it cannot be run."""
    text = earlier_text(lambda text: text.replace('"past_limit"', '"long_gone"'))
    recovered, definitions = left_by(text)
    for n in range(7):
        other = evolve(recovered.interactions[CALL], id=f"{n:08d}-2222-4222-8222-222222222222")
        recovered.interactions[other.id] = other
    with pytest.raises(
        JournalError, match=r"8 open interactions .*long_gone.* and 3 more"
    ) as caught:
        carry_over(recovered, TODAY, definitions, change_to(TODAY))
    assert "[[migrations]]" in caught.value.advice


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('from = "abc"\ndoc = "x"', "12 to 64 hexadecimal digits"),
        (
            'from = "0123456789ab"\ndoc = "x"\nstates = { a = "nowhere" }',
            "state 'nowhere' does not exist",
        ),
        (
            'from = "0123456789ab"\ndoc = "x"\ncarry = "missing"',
            "function 'missing' does not exist",
        ),
        ('from = "0123456789ab"', "doc"),
    ],
)
def test_a_wrong_declaration_is_refused_when_the_definition_is_loaded(
    body: str, problem: str
) -> None:
    """Not on the day on which it would be needed."""
    with pytest.raises(SpecError, match=problem):
        machine_of(f"{TEXT}\n[[migrations]]\n{body}\n")
