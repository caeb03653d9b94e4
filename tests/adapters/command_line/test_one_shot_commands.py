"""`hold`, `unhold` and `status` against a real gateway."""

import json
import uuid
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine, assert_agreement

HOLD = ("--reason", "consultation", "--priority", "5")


def fresh() -> str:
    """An interaction that nobody used yet."""
    return str(uuid.uuid4())


def test_hold_and_unhold_are_carried_out(hookflash: CommandLine) -> None:
    """One JSON object each, with exactly the keys of the contract; audited, and no journal left."""
    one = fresh()

    held = hookflash("hold", one, *HOLD, "--music", "jazz", "--json")
    released = hookflash("unhold", one, "--priority", "5", "--json")

    assert held.exit_code == released.exit_code == 0
    assert set(held.json) == {
        "status",
        "outcome",
        "latencyMs",
        "correlationId",
        "interactionId",
        "state",
    }
    assert (held.json["status"], held.json["outcome"]) == ("success", "confirmed")
    assert (held.json["interactionId"], held.json["state"]) == (one, "held")
    assert held.json["latencyMs"] > 0
    assert (released.json["outcome"], released.json["state"]) == ("confirmed", "active")
    assert "nothing enforces a hold limit" in held.err
    assert [line["action"] for line in hookflash.audit_lines()] == ["hold", "unhold"]
    assert not Path("hookflash.db").exists()
    assert hookflash.simulator.ask(lambda simulator: simulator.state_of(one)) == "active"


def test_people_get_a_line(hookflash: CommandLine) -> None:
    """What, how and how long."""
    one = fresh()
    ended = hookflash("hold", one, *HOLD, "--audit", "elsewhere.jsonl")

    assert ended.out.startswith(f"{one} held: confirmed in ")
    assert ended.out.count("\n") == 1
    assert len(hookflash.audit_lines("elsewhere.jsonl")) == 1


def test_a_second_hold_is_already_so(hookflash: CommandLine) -> None:
    """A new process asks the gateway first."""
    one = fresh()
    hookflash("hold", one, *HOLD)

    assert hookflash("hold", one, *HOLD, "--json").json["outcome"] == "already"


def test_a_named_journal_stays(hookflash: CommandLine) -> None:
    """`--journal` keeps what happened."""
    ended = hookflash("hold", fresh(), *HOLD, "--journal", "kept.db")

    assert ended.exit_code == 0
    assert Path("kept.db").stat().st_size > 0


def test_status_tells_what_the_gateway_says(hookflash: CommandLine) -> None:
    """State, organisation and skill group; nothing is written or sent."""
    one = fresh()
    before = hookflash.simulator.commands()
    ended = hookflash("status", one, "--json")

    assert ended.exit_code == 0
    assert ended.json["state"] == "active"
    assert (ended.json["orgId"], ended.json["skillGroup"]) == ("org-1", "sg-1")
    assert hookflash("status", one).out == f"{one} active, org org-1, skill group sg-1\n"
    assert hookflash.simulator.commands() == before
    assert list(Path().iterdir()) == []


def test_status_of_one_that_is_unknown_or_no_uuid(hookflash: CommandLine) -> None:
    """Exit codes 1 and 2."""
    one = fresh()
    hookflash.simulator.ask(lambda simulator: simulator.put(one, unknown=True))

    unknown = hookflash("status", one, "--json")
    assert unknown.exit_code == 1
    assert unknown.json["error"] == "NotEligible"
    assert "404" in unknown.error
    assert hookflash("status", "x").exit_code == 2


def test_no_connection_within_the_time_is_exit_code_3(hookflash: CommandLine) -> None:
    """It gives up on a first connection, and says so in one line."""
    hookflash.configure(HOST="localhost:1", COMMANDS_FIRST_CONNECTION_TIMEOUT_S="0.3")
    ended = hookflash("hold", fresh(), *HOLD, "--json")

    assert ended.exit_code == 3
    assert ended.json["status"] == "failed"
    assert ended.json["outcome"] == "unavailable"
    assert "localhost:1" in ended.error
    assert "see whether host and port are right" in ended.error
    (line,) = hookflash.audit_lines()
    assert_agreement(ended.json, line)


def test_an_unknown_outcome_is_exit_code_4(hookflash: CommandLine) -> None:
    """The frame left, no answer came and nothing could be looked up before the deadline."""
    one = fresh()

    hookflash.simulator.ask(lambda simulator: simulator.next_ack(one, withheld=True))
    hookflash.configure(COMMANDS_DEADLINE_S="0.3")
    ended = hookflash("hold", one, *HOLD, "--json")

    assert ended.exit_code == 4
    assert ended.json["outcome"] == "unknown"
    assert ended.json["interactionId"] == one
    assert "ask again with `hookflash status`" in ended.error
    (line,) = hookflash.audit_lines()
    assert_agreement(ended.json, line)


def test_a_state_that_cannot_be_had_before_the_deadline_is_exit_code_3(
    hookflash: CommandLine,
) -> None:
    """The gateway answers, but nothing that can be read: the last reason is told."""
    one = fresh()
    for _ in range(3):
        hookflash.simulator.ask(lambda simulator: simulator.next_metadata(one, state="x" * 999))
    hookflash.configure(COMMANDS_DEADLINE_S="0.5")
    ended = hookflash("hold", one, *HOLD, "--json")

    assert ended.exit_code == 3
    assert "nothing was sent: " in ended.error
    assert "answered a lookup with what cannot be read" in ended.error
    (line,) = hookflash.audit_lines()
    assert_agreement(ended.json, line)


def test_the_gateways_rate_limit_says_when_to_come_back(hookflash: CommandLine) -> None:
    """In the line for people and in the object, after the keys of the contract."""
    one = fresh()
    refusal = {"code": 429, "retryAfter": 2.5}
    hookflash.simulator.ask(lambda simulator: simulator.next_ack(one, refused=refusal))
    ended = hookflash("hold", one, *HOLD, "--json")

    assert ended.exit_code == 1
    assert (ended.json["error"], ended.json["retryAfterS"]) == ("RateLimited", 2.5)
    assert list(ended.json)[-1] == "retryAfterS"
    assert ended.error.endswith("(wait 2.5 s)")


@pytest.mark.parametrize(
    ("given", "variables", "shown"),
    [
        (("hold", "{one}", *HOLD), {"HOST": None}, "{one}"),
        (("hold", *HOLD, "{one}"), {"HOST": None}, "{one}"),
        (("status", "{one}"), {"CLIENT_SECRET": None}, "{one}"),
        (("unhold", "{one}"), {}, "{one}"),
        (("unhold", "+49 30 1234567", "--priority", "1"), {}, "[number]"),
        (("unhold", "--priority", "1"), {}, None),
        (("status", "no-uuid"), {}, "no-uuid"),
    ],
)
def test_a_failure_names_the_interaction_that_was_given(
    hookflash: CommandLine,
    given: tuple[str, ...],
    variables: dict[str, str | None],
    shown: str | None,
) -> None:
    """Also where it is about a setting, or about the command's other arguments."""
    one = fresh()
    hookflash.configure(**variables)
    ended = hookflash(*(word.format(one=one) for word in given), "--json")

    assert ended.exit_code == 2
    assert ended.json["interactionId"] == (None if shown is None else shown.format(one=one))


@pytest.mark.parametrize("command", ["hold", "unhold"])
def test_json_is_one_line_and_nothing_else(hookflash: CommandLine, command: str) -> None:
    """Also where it failed: exit code, object and error agree."""
    arguments = HOLD if command == "hold" else ("--priority", "5")
    one = fresh()
    hookflash.simulator.ask(lambda simulator: simulator.put(one, state="closed"))
    ended = hookflash(command, one, *arguments, "--json")

    assert ended.exit_code == 1
    assert json.loads(ended.out)["outcome"] == "ineligible"
    assert ended.json["state"] == "closed"
    assert ended.error.startswith(f"error: {command} failed")
