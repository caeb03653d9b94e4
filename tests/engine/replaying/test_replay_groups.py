"""Divergences that are alike are one group; memory is bounded whatever there are."""

from attrs import evolve

from hookflash.engine.replaying.findings import (
    DAMAGES_MAX,
    EXAMPLES_MAX,
    GROUPS_MAX,
    Cause,
    Damage,
    Damages,
    Divergence,
    Groups,
    shown,
)
from hookflash.machines.conversion import encode_instant
from hookflash.machines.instants import Instant

ONE = Divergence(
    interaction_id="00000001-0000-4000-8000-000000000001",
    seq=1,
    place="a: line 2",
    at=Instant(1_768_000_000_000_000),
    event="sent",
    source="hold_pending",
    differences=(("effects[0].priority", 5, 6),),
    cause=Cause("effect", "the row at line 7"),
)


def time_apart(seq: int, seconds: float) -> Divergence:
    at = Instant(1_768_000_000_000_000 + seq)
    then, now = encode_instant(at), encode_instant(Instant(at + round(seconds * 1_000_000)))
    return evolve(ONE, seq=seq, differences=(("effects[0].timer.due_at", then, now),))


def test_equal_ones_are_counted_with_their_first_places() -> None:
    """Ids, times, numbers of effects and places do not tell divergences apart."""
    groups = Groups()
    for seq in range(1, 11):
        path = f"effects[{seq % 2}].priority"
        groups.add(evolve(ONE, seq=seq, differences=((path, 5, 6),), interaction_id=f"{seq}"))
    (group,) = groups.groups()
    assert (group.count, groups.count) == (10, 10)
    assert [one.seq for one in group.examples] == [1, 2, 3][:EXAMPLES_MAX]


def test_what_tells_them_apart() -> None:
    """Another field, value, state, event or cause makes another group; so does another delay."""
    groups = Groups()
    for other in (
        ONE,
        evolve(ONE, differences=(("effects[0].priority", 5, 7),)),
        evolve(ONE, differences=(("to", "held", "active"),)),
        evolve(ONE, event="acknowledged"),
        evolve(ONE, source="held"),
        evolve(ONE, cause=Cause("effect", "another row")),
        time_apart(1, 5),
        time_apart(2, 6),
    ):
        groups.add(other)
    groups.add(time_apart(3, 5))
    assert [group.count for group in groups.groups()].count(1) == 7
    assert len(groups.groups()) == 8


def test_delays_of_all_kinds_are_one_group_in_the_end() -> None:
    """Where times differ each time by something else, that does not make a group each."""
    groups = Groups()
    for seq in range(200):
        groups.add(time_apart(seq, 1 + seq / 10))
    assert len(groups.groups()) < 30
    assert groups.count == 200


def test_what_only_follows_is_counted_apart() -> None:
    """A divergence that damage explains makes no group."""
    groups = Groups()
    groups.add(evolve(ONE, cause=Cause("damage", "record 3 is missing")))
    assert (groups.count, groups.following, groups.groups(), groups.first()) == (0, 1, [], None)


def test_bounds() -> None:
    """Of very many kinds the first are kept and the others counted."""
    groups, damages = Groups(), Damages()
    for number in range(GROUPS_MAX + 50):
        groups.add(evolve(ONE, event="x" * number))
    assert (len(groups.groups()), groups.beyond) == (GROUPS_MAX, 50)
    for number in range(DAMAGES_MAX + 50):
        damages.add(Damage(kind="missing", place="", seq=number, text=""))
    assert (len(damages.kept), damages.count) == (DAMAGES_MAX, DAMAGES_MAX + 50)


def test_two_replays_together() -> None:
    """What shares have found comes to the same as one replay of all."""
    found = [evolve(ONE, seq=seq, event="ab"[seq % 2]) for seq in range(20)]
    whole, first, second = Groups(), Groups(), Groups()
    for one in found:
        whole.add(one)
        (first if one.seq % 3 else second).add(one)
    second.merge(first)
    assert second.groups() == whole.groups()
    assert second.first() == whole.first() == found[0]


def test_sides_are_shown_for_people() -> None:
    """Nothing is a word, texts are quoted, instants say how far they are from the record."""
    at = Instant(1_768_000_000_000_000)
    later = encode_instant(Instant(at + 4_000_000))
    assert shown(None, at) == "nothing"
    assert shown("held", at) == "'held'"
    assert [shown(one, at) for one in (True, False, 5)] == ["true", "false", "5"]
    assert shown(later, at) == f"{later} (+4 s)"
    assert shown(later, None) == repr(later)
