"""The faults file: what it can say, and what is said about a bad one."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from hookflash.adapters.simulator import (
    AckRefusal,
    EndpointRefusal,
    Faults,
    load_faults,
    parse_faults,
)
from hookflash.adapters.simulator.faults import GARBAGE_KINDS
from hookflash.machines.errors import ConfigurationError

EVERYTHING = """
[acks]
lost = 0.1
late = 0.1
late_ms = 7000
duplicate = 0.1
duplicate_count = 3
unexecuted = 0.1
wrong_type = 0.1
[[acks.refusals]]
share = 0.05
code = 429
message = "slow down"
retry_after_s = 2
with_state = true

[frames]
garbage = 0.1
kinds = ["not_json", "binary"]
too_large_bytes = 2000000
updates_in_body = true

[sockets]
close_every = 100
abrupt = false
half_open_every = 500
half_open_s = 45
ping_every_s = 20
pong_within_s = 5

[foreign]
hold = 0.01
unhold = 0.01
close = 0.01
close_state = "abandoned"

[token]
lifetime_s = 60
scopes = ["interaction:read"]
omit_expires_in = true
omit_scope = true
slow = 0.5
slow_ms = 100
[[token.refusals]]
status = 429
first = 2
retry_after_s = 1
[[token.refusals]]
connection_lost = true
share = 0.1

[upgrade]
slow = 0.1
slow_ms = 50
[[upgrade.refusals]]
status = 401
first = 1

[metadata]
slow = 0.1
slow_ms = 250
[[metadata.refusals]]
status = 500
share = 0.1

[commands]
hold_reasons = ["lunch"]

[clients]
ids = ["me"]
secrets = ["mine"]
refused_secrets = []

[[interactions]]
id = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a001"
state = "held"
org_id = "org-2"
skill_group_id = "sg-2"
skill_group_name = "Second"
held_for_s = 60
[[interactions]]
id = "0b9f6a52-44a1-4d1e-9d39-5b6e4fb4a002"
unknown = true
"""


async def test_everything_that_a_file_can_say_is_read(tmp_path: Path) -> None:
    """Each table with all its keys: whoever adds a key adds it here."""
    file = tmp_path / "faults.toml"
    file.write_text(EVERYTHING)
    faults = load_faults(file)
    assert faults.acks.refusals == (
        AckRefusal(share=0.05, message="slow down", retry_after_s=2.0, with_state=True),
    )
    assert faults.token.refusals == (
        EndpointRefusal(status=429, first=2, retry_after_s=1.0),
        EndpointRefusal(connection_lost=True, share=0.1),
    )
    assert faults.interactions[1].unknown
    for table in attrs.fields(Faults):
        said: Any = getattr(faults, table.name)
        one: Any = said[0] if table.name == "interactions" else said
        keys = attrs.fields(one.__class__)
        unsaid = [key.name for key in keys if getattr(one, key.name) == key.default]
        allowed = {"unknown", "omit_expires_in"} if table.name == "interactions" else set[str]()
        assert set(unsaid) <= allowed | {"refusals"}, (table.name, unsaid)


async def test_an_empty_file_is_well_behaved() -> None:
    """Nothing goes wrong by default."""
    assert parse_faults("") == Faults()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[acks]\nlots = 1", "f.toml: unknown key acks.lots (did you mean lost?)"),
        ("[ack]\nlost = 1", "f.toml: unknown key ack (did you mean acks?)"),
        (
            "[[acks.refusals]]\n[[acks.refusals]]\nshar = 1",
            "f.toml: unknown key acks.refusals[1].shar (did you mean share?)",
        ),
        ("[acks]\nlost = 2", "f.toml: 'lost' must be <= 1.0: 2.0 @ acks"),
        ("[acks]\nlost = nan", "f.toml: 'lost' must be >= 0.0: nan @ acks"),
        ("[acks]\nlost = 'x'", "f.toml: expected a number, found 'x' @ acks.lost"),
        ("[acks]\nlost = true", "f.toml: expected a number, found True @ acks.lost"),
        ("acks = 3", "f.toml: expected a table @ acks"),
        ("interactions = 3", "f.toml: expected a list, found 3 @ interactions"),
        ("[[interactions]]\nstate = 'held'", "f.toml: id is missing @ interactions[0].id"),
        ("[[interactions]]\nid = 'x'", "f.toml: 'id' must be a UUID: x @ interactions[0]"),
        (
            "[frames]\nkinds = ['loud']",
            f"f.toml: must be one of {', '.join(GARBAGE_KINDS)} @ frames.kinds[0]",
        ),
        (
            "[[token.refusals]]\nretry_after_s = 'x'",
            "f.toml: expected a number, found 'x' @ token.refusals[0].retry_after_s",
        ),
        (
            "[sockets]\nclose_every = 1.5\nabrupt = 1",
            (
                "f.toml: expected a whole number, found 1.5 @ sockets.close_every; "
                "expected true or false, found 1 @ sockets.abrupt"
            ),
        ),
        ("x = ", "f.toml: Invalid value (at end of document)"),
    ],
)
async def test_a_bad_file_is_refused_with_the_place(text: str, message: str) -> None:
    """And with the nearest known key where one is misspelt."""
    with pytest.raises(ConfigurationError) as caught:
        parse_faults(text, source="f.toml")
    assert str(caught.value) == message
    assert caught.value.source == "f.toml"


async def test_an_unknown_key_without_a_near_one_lists_the_known_ones() -> None:
    """So that nobody has to look them up."""
    with pytest.raises(ConfigurationError, match="known: ids, secrets, refused_secrets"):
        parse_faults("[clients]\nzzzzzz = 1")


async def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    """With the reason that the system gives."""
    with pytest.raises(ConfigurationError, match="No such file"):
        load_faults(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="no UTF-8"):
        load_faults(tmp_path / "binary.toml")
