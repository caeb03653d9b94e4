"""Rules at the edges of runs, files and bounds: what must not get lost between two of them."""

import pytest
import trio
from attrs import evolve
from tests.support.world import World, make_settings, open_world

from hookflash.adapters.rules_files import names_of
from hookflash.adapters.rules_reloading import rules_before
from hookflash.engine.dispatcher import MAILBOX_MAX
from hookflash.machines.errors import InvalidCommand, SpecError
from hookflash.machines.headers import decode_between
from hookflash.machines.records import RulesChange
from hookflash.machines.rule_lines import RULES_CHANGE_KIND, encode_aside
from hookflash.machines.rules.planning import OPEN_MAX
from hookflash.machines.rules.ruleset import Rules, parse_rules

CALL = "11111111-1111-4111-8111-111111111111"


def waiting(name: str, for_: str, action: str = 'action = "unhold"') -> str:
    return f"""
[[rule]]
name = "{name}"
trigger = {{ to = ["held", "unhold_pending", "expired"] }}
for = "{for_}"
actions = [ {{ {action} }} ]
"""


PINGED = """
[events]
ping = "Somebody pings."

[[rule]]
name = "pinged"
trigger = { event = "ping" }
actions = [ { action = "call", function = "f" } ]
"""


def rules_of(text: str) -> Rules:
    return parse_rules(text, "rules.toml", names_of())


async def hold(world: World) -> None:
    await world.controller.hold(CALL, reason="consultation", priority=5)


async def test_two_changes_one_after_the_other(autojump_clock: trio.abc.Clock) -> None:
    """A rule that was new in the first one begins, though the second one has it as well."""
    async with open_world(rules=waiting("first", "1h")) as world:
        await hold(world)
        await trio.sleep(10)
        first = rules_of(waiting("first", "1h") + waiting("second", "30s"))
        again = rules_of(waiting("first", "2h") + waiting("second", "30s"))
        world.rules.load(first, world.rules.in_force)
        world.rules.load(again, first)
        await trio.sleep(21)
        assert "active" == world.state(CALL)


async def test_a_stop_before_interactions_were_carried_over(
    autojump_clock: trio.abc.Clock,
) -> None:
    """The next run, with the same file, carries over whom the last one did not get to."""
    other = waiting("second", "30s")
    async with open_world(rules=waiting("first", "1h")) as first:
        await hold(first)
        await trio.sleep(10)
        entries = first.journal.entries
        first.rules.load(rules_of(other), first.rules.in_force)
        change = first.journal.entries[-1]
        assert isinstance(change, RulesChange)
    first.journal._entries.clear()  # pyright: ignore[reportPrivateUsage] - as a crash leaves it
    first.journal._entries.extend([*entries, change])  # type: ignore[list-item] # pyright: ignore[reportPrivateUsage, reportArgumentType] - the same
    async with open_world(rules=other, earlier=first) as second:
        await trio.sleep(21)
        assert "active" == second.state(CALL)


def test_dates_in_a_file_are_no_telephone_numbers() -> None:
    """What the journal keeps of a rules file can be read again, holidays included."""
    text = "[calendar]\nholidays = [2026-12-25, 2027-01-01]\n" + waiting("first", "1h")
    change = RulesChange(1, "d" * 64, text)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - an instant
    read = decode_between(encode_aside(change), RULES_CHANGE_KIND, "here")
    assert isinstance(read, RulesChange)
    found = rules_before(read)
    assert found is not None
    assert rules_of(text).rules == found.rules


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "9" * 5000,
        waiting("x", "9" * 5000 + "h"),
        waiting("x", "5m", 'action = "unhold", priority = ' + "9" * 5000),
    ],
)
def test_numbers_without_end_are_errors_like_others(text: str) -> None:
    """Nothing but a `SpecError` comes of any file."""
    with pytest.raises(SpecError):
        rules_of(text)


async def test_without_rules_nothing_of_them_waits(autojump_clock: trio.abc.Clock) -> None:
    """A run without rules forgets what they waited for: no interaction is kept for it."""
    async with open_world(rules=waiting("first", "1h")) as first:
        await hold(first)
    async with open_world(earlier=first) as second:
        assert all(one.interaction.rules is None for one in second.instances)
        await second.controller.unhold(CALL, priority=5)
        await trio.sleep(5)
        assert all(one.idle for one in second.instances)


async def test_overdue_rules_wait_for_the_gateway(autojump_clock: trio.abc.Clock) -> None:
    """With `overdue = "look_up"` nothing is done before the gateway was asked."""
    settings = make_settings()
    settings = evolve(settings, recovery=evolve(settings.recovery, overdue="look_up"))
    text = waiting("tell", "5m", 'action = "notify", to = "supervisor", message = "late"')
    async with open_world(rules=text, settings=settings) as first:
        await hold(first)
    first.simulator.unhold_by_agent(CALL)
    await trio.sleep(600)
    async with open_world(rules=text, settings=settings, earlier=first) as second:
        await trio.sleep(10)
        assert "active" == second.state(CALL)
        assert [] == second.notified


async def test_the_organisation_is_known_after_a_restart(autojump_clock: trio.abc.Clock) -> None:
    """A condition about it holds for a timer that was due while nothing ran."""
    text = waiting("tell", "5m", 'action = "notify", to = "supervisor", message = "late"')
    text = text.replace("actions", "condition = 'interaction.org == \"org-1\"'\nactions")
    async with open_world(rules=text) as first:
        await hold(first)
    await trio.sleep(600)
    async with open_world(rules=text, earlier=first) as second:
        await trio.sleep(5)
        assert 1 == len(second.notified)


async def test_floods_of_own_events_are_bounded(autojump_clock: trio.abc.Clock) -> None:
    """So many wait for an interaction; the alarm about loops comes once, not with each."""
    called: list[int] = []

    async def f() -> None:
        called.append(1)

    async with open_world(rules=PINGED, functions={"f": f}) as world:
        await hold(world)
        taken = [world.controller.report(CALL, "ping") for _ in range(MAILBOX_MAX + 10)]
        assert MAILBOX_MAX == sum(taken)
        await trio.sleep(5)
        assert 10 == len(called)
        stopped = [one for one in world.told if one["status"] == "stopped"]
        assert 1 == len(stopped)


async def test_what_nobody_listens_to_is_bounded(autojump_clock: trio.abc.Clock) -> None:
    """A monitor that hangs gets so many messages of one interaction, and no more wait."""
    text = PINGED.replace('"call", function = "f"', '"notify", to = "f", message = "m"')

    async def hang(_: object) -> None:
        await trio.sleep_forever()

    async with open_world(rules=None) as world:
        await hold(world)
        world.controller.add_monitor(hang, name="f", rules_only=True)
        world.rules.load(rules_of(text), None)
        for _ in range(OPEN_MAX + 20):
            world.controller.report(CALL, "ping")
        await trio.sleep(1)
        (instance,) = world.instances
        kept = instance.interaction.rules
        assert kept is not None
        assert OPEN_MAX == len(kept.open)


async def test_a_rule_commands_no_id_that_is_none(autojump_clock: trio.abc.Clock) -> None:
    """What somebody typed by mistake does not go out because a rule acts on the refusal."""
    text = """
[[rule]]
name = "again"
trigger = { outcome = "invalid", actor = "caller" }
actions = [ { action = "hold", reason = "queueing", priority = 1 } ]
"""
    async with open_world(rules=text) as world:
        with pytest.raises(InvalidCommand):
            await world.controller.hold("../../x?y=1", reason="queueing", priority=1)
        await trio.sleep(5)
        assert 0 == world.simulator.statistics().commands
        assert ["invalid", "invalid"] == [line["outcome"] for line in world.audit_lines]
