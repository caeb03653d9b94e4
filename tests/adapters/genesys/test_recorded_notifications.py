"""Dumps of notifications and EventBridge envelopes become recordings, with what they know."""

from itertools import permutations
from pathlib import Path

import pytest
from tests.adapters.genesys.recorded_data import (
    CONVERSATION,
    HEARTBEAT,
    LEG,
    ORG,
    PARTICIPANT,
    QUEUE,
    SESSION,
    USER,
    Json,
    agent,
    at,
    call,
    conversation,
    envelope,
    frame,
    held_once,
    iso,
    metric_frame,
    nested,
    participant,
    segment,
    session,
    take_in,
    talk,
    user_event,
)

from hookflash.machines.events import ObservedHeld

FLAT_LEG = f"{CONVERSATION}/{PARTICIPANT}"


def held(since: int, topic: str = "calls") -> Json:
    """A frame in which the agent holds since an instant."""
    return frame(participant(held=True, startHoldTime=iso(since)), topic=topic)


def ended(at_ms: int) -> Json:
    """A frame in which the agent's leg is over."""
    return frame(participant("disconnected", endTime=iso(at_ms)))


def received(document: Json, ms: int) -> Json:
    """The frame with the time at which somebody received it."""
    return {**document, "receivedAt": iso(ms)}


# --- topics of one medium -------------------------------------------------------------------------


def test_a_dump_with_times_of_receipt(tmp_path: Path) -> None:
    """Holds begin where the platform says, and are over when a frame without them came."""
    outcome = take_in(
        tmp_path,
        [
            received(frame(participant()), 1_100),
            received(held(5_000), 5_080),
            received(frame(participant()), 9_060),
            received(ended(12_000), 12_050),
        ],
    )
    assert [
        (name, record.event.at)
        for (name, _), record in zip(outcome.told, outcome.records, strict=True)
    ] == [
        ("ObservedActive", at(1_000)),
        ("ObservedHeld", at(5_000)),
        ("ObservedActive", at(9_060)),
        ("ObservedClosed", at(12_000)),
    ]
    (hold,) = outcome.holds
    assert (hold.interaction_id, hold.skill_group_id) == (FLAT_LEG, QUEUE)
    assert outcome.counts == {"not_compared": 1}


def test_a_dump_without_times(tmp_path: Path) -> None:
    """The end of a hold is put at the latest time that the dump had named, and that is said."""
    other = frame(participant(connectedTime=iso(8_000), id="p-2"), name="c-2")
    outcome = take_in(
        tmp_path, [frame(participant()), held(5_000), other, frame(participant()), ended(12_000)]
    )
    assert outcome.lengths_ms == [3_000]
    assert outcome.counts == {"end_uncertain": 1, "not_compared": 1}
    assert outcome.words("end_uncertain") == [f"the hold of {iso(5_000)}"]


def test_the_measured_length_replaces_an_uncertain_end(tmp_path: Path) -> None:
    """THeld in the same dump says how long the hold really was."""
    outcome = take_in(
        tmp_path,
        [
            frame(participant()),
            held(5_000),
            metric_frame("tHeld", 4_601, 9_601),
            frame(participant()),
            metric_frame("tHeldComplete", 4_601, 12_000),
            ended(12_000),
        ],
    )
    assert outcome.lengths_ms == [4_601]
    assert outcome.counts == {}
    assert outcome.imported.compared == 1
    assert outcome.holds[0].interaction_id == LEG


def test_the_total_of_the_leg_gives_the_one_unknown_end(tmp_path: Path) -> None:
    """HeldDurationMs less the holds whose lengths are known."""
    frames = [frame(participant()), held(5_000), frame(participant()), ended(60_000)]
    total = user_event("end", 60_000, heldDurationMs=7_500)
    outcome = take_in(tmp_path, [*frames, total])
    assert outcome.lengths_ms == [7_500]
    assert outcome.counts == {}
    too_much = user_event("end", 60_000, heldDurationMs=99_000)
    outcome = take_in(tmp_path, [*frames, too_much])
    assert set(outcome.counts) == {"end_uncertain", "held_total_differs"}


def test_a_repeated_snapshot_is_nothing_new(tmp_path: Path) -> None:
    """The same frame twice, and one that comes late, make no second hold."""
    outcome = take_in(
        tmp_path,
        [
            received(frame(participant()), 1_100),
            received(held(5_000), 5_080),
            received(held(5_000), 5_090),
            received(frame(participant()), 9_060),
            received(held(5_000), 9_070),
            received(frame(participant()), 9_500),
            received(ended(12_000), 12_050),
            received(frame(participant()), 12_060),
        ],
    )
    assert outcome.lengths_ms == [4_060]
    assert outcome.counts == {"stale_snapshot": 2, "not_compared": 1}


def test_frames_with_times_are_put_in_order(tmp_path: Path) -> None:
    """The order of the file is not that of the events."""
    outcome = take_in(
        tmp_path,
        [
            received(ended(12_000), 12_050),
            received(frame(participant()), 9_060),
            received(held(5_000), 5_080),
            received(frame(participant()), 1_100),
        ],
    )
    assert outcome.lengths_ms == [4_060]


def test_another_hold_shows_that_the_one_before_is_over(tmp_path: Path) -> None:
    """Where the frame between them is missing, it ended by the start of the next."""
    outcome = take_in(
        tmp_path,
        [
            received(held(5_000), 5_080),
            received(held(20_000), 20_050),
            received(frame(participant()), 21_000),
            received(held(19_000), 21_500),
        ],
    )
    assert outcome.lengths_ms == [15_000, 1_000]
    assert outcome.counts == {"end_uncertain": 1, "stale_snapshot": 1, "not_compared": 1}


def test_a_hold_that_follows_at_once(tmp_path: Path) -> None:
    """The receipt of a frame is later than what it tells: the next hold may have begun before."""
    outcome = take_in(
        tmp_path,
        [
            received(held(5_000), 5_080),
            received(frame(participant()), 9_100),
            received(held(9_050), 9_110),
            received(frame(participant()), 9_200),
        ],
    )
    assert outcome.lengths_ms == [4_050, 150]
    assert outcome.counts == {"not_compared": 1}


def test_a_customer_who_hangs_up_on_hold(tmp_path: Path) -> None:
    """The leg ends, with or without the flag: the hold ends with it."""
    for last in (True, False):
        over = frame(participant("terminated", held=last, endTime=iso(9_000)))
        outcome = take_in(tmp_path, [frame(participant()), held(5_000), over])
        (hold,) = outcome.holds
        assert (hold.ended, hold.held_us) == ("closed", 4_000_000)


def test_a_dump_that_stops_on_hold(tmp_path: Path) -> None:
    """Nothing says that the hold is over."""
    outcome = take_in(tmp_path, [frame(participant()), held(5_000)])
    assert outcome.lengths_ms == [None]
    assert outcome.counts == {"hold_goes_on": 1, "not_compared": 1}


def test_a_recording_that_is_paused_is_no_hold(tmp_path: Path) -> None:
    """`recordingState` says nothing; the frames of these tests are all paused."""
    outcome = take_in(tmp_path, [frame(participant()), ended(9_000)])
    assert (outcome.lengths_ms, outcome.counts) == ([], {})


def test_earlier_alerts_of_the_same_agent(tmp_path: Path) -> None:
    """A conversation keeps its dead participants: only the one that was connected is a leg."""
    dead = participant("terminated", id="p-dead", connectedTime=None, endTime=iso(500))
    outcome = take_in(tmp_path, [frame(dead, participant()), frame(dead, participant())])
    assert {record.interaction_id for record in outcome.records} == {FLAT_LEG}
    assert outcome.counts == {"never_connected": 1}


def test_words_that_are_none(tmp_path: Path) -> None:
    """A state that looks like a number to dial is not shown."""
    outcome = take_in(tmp_path, [frame(participant("+15550100123"))])
    assert outcome.words("unknown_state") == ["?"]


def test_an_alert_after_a_connection(tmp_path: Path) -> None:
    """The time of an earlier connection is not that of the one that is to come."""
    outcome = take_in(tmp_path, [frame(participant("alerting"))])
    assert (outcome.records, outcome.counts) == ([], {"never_connected": 1})


@pytest.mark.parametrize(
    ("topic", "wanted"), [("calls", True), ("emails", False), ("messages", False), ("fluxes", True)]
)
def test_the_topic_names_the_medium(tmp_path: Path, topic: str, *, wanted: bool) -> None:
    """Digital holds are left out; an unknown medium is taken in."""
    outcome = take_in(tmp_path, [held(5_000, topic=topic)])
    assert bool(outcome.holds) is wanted
    assert ("digital_hold" in outcome.counts) is not wanted


def test_a_queue_topic_has_the_same_shape(tmp_path: Path) -> None:
    """`v2.routing.queues.{id}.conversations.calls` is what a supervisor listens to."""
    document = {**held(5_000), "topicName": f"v2.routing.queues.{QUEUE}.conversations.calls"}
    assert take_in(tmp_path, [document]).lengths_ms == [None]


def test_frames_that_tell_of_no_hold(tmp_path: Path) -> None:
    """Each kind is counted by its name."""
    outcome = take_in(
        tmp_path,
        [
            HEARTBEAT,
            {"topicName": "channel.metadata", "eventBody": {"message": "pong"}},
            {"topicName": "v2.system.socket_closing", "eventBody": {"message": "soon"}},
            {"result": "200", "status": "subscribed"},
            {"topicName": f"v2.users.{USER}.presence", "eventBody": {"modifiedDate": iso(0)}},
            metric_frame("tTalk", 5, 900),
            user_event("start", 500),
        ],
    )
    assert outcome.counts == {
        "heartbeat": 2,
        "system_message": 1,
        "reply": 1,
        "other_topic": 1,
        "other_metric": 1,
    }
    assert outcome.told == [("ObservedActive", "active")]
    assert outcome.imported.flawless


# --- the topic of all media -----------------------------------------------------------------------


def test_communications_in_lists(tmp_path: Path) -> None:
    """Their ids are those of sessions; lists that are empty are no legs."""
    outcome = take_in(
        tmp_path,
        [
            nested(),
            nested(call("alerting", connectedTime=None)),
            nested(call()),
            nested(call(held=True, startHoldTime=iso(5_000))),
            received(nested(call()), 9_000),
            nested(call("disconnected", disconnectedTime=iso(12_000))),
        ],
    )
    (hold,) = outcome.holds
    assert hold.interaction_id == LEG
    assert hold.since == at(5_000)


def test_segments_in_snapshots(tmp_path: Path) -> None:
    """Where a communication has segments, they say when its holds were."""

    def parts(*spans: tuple[str, int, int | None]) -> list[Json]:
        return [
            {
                "type": kind,
                "startTime": iso(start),
                **({} if end is None else {"endTime": iso(end)}),
            }
            for kind, start, end in spans
        ]

    first = [("Alert", 0, 1_000), ("Interact", 1_000, 5_000), ("Hold", 5_000, None)]
    second = [*first[:2], ("Hold", 5_000, 9_000), ("Interact", 9_000, None)]
    third = [*second[:3], ("Interact", 9_000, 12_000)]
    outcome = take_in(
        tmp_path,
        [
            nested(call(held=True, startHoldTime=iso(5_001), segments=parts(*first))),
            nested(call(segments=parts(*second))),
            nested(call("disconnected", disconnectedTime=iso(12_000), segments=parts(*third))),
        ],
    )
    assert outcome.lengths_ms == [4_000]
    assert outcome.counts == {"not_compared": 1}
    assert outcome.told[-1] == ("ObservedClosed", "closed")


def test_a_snapshot_of_rest(tmp_path: Path) -> None:
    """The answer of REST is a snapshot without a topic; its address names the medium."""
    body = held(5_000)["eventBody"]
    address = f"/api/v2/conversations/emails/{CONVERSATION}"
    assert take_in(tmp_path, body).lengths_ms == [None]
    assert set(take_in(tmp_path, {**body, "selfUri": address}).counts) == {"digital_hold"}
    assert take_in(tmp_path, {"entities": [body], "total": 1}).lengths_ms == [None]


def test_a_callback_has_two_media(tmp_path: Path) -> None:
    """The call is a leg; the callback around it is left out."""
    document = nested(call(held=True, startHoldTime=iso(5_000)))
    person = document["eventBody"]["participants"][0]
    person["callbacks"] = [{"id": "b-1", "state": "connected", "held": False}]
    outcome = take_in(tmp_path, [document])
    assert outcome.lengths_ms == [None]
    assert outcome.counts == {"other_media": 1, "hold_goes_on": 1, "not_compared": 1}


# --- EventBridge ----------------------------------------------------------------------------------


def test_an_archive_of_events(tmp_path: Path) -> None:
    """THeld and the events of the leg tell the same story as its segments."""
    outcome = take_in(
        tmp_path,
        [
            envelope(user_event("end", 60_000, heldDurationMs=12_000), 60_001),
            envelope(metric_frame("tHeld", 7_000, 30_000), 30_001),
            envelope(metric_frame("tHeldComplete", 12_000, 60_000), 60_001),
            envelope(metric_frame("tHeld", 5_000, 50_000), 50_001),
            envelope(metric_frame("tHeld", 5_000, 50_000), 50_001),
            envelope(user_event("start", 500), 501),
        ],
    )
    assert outcome.lengths_ms == [7_000, 5_000]
    assert [record.event.at for record in outcome.records] == [
        at(500),
        at(23_000),
        at(30_000),
        at(45_000),
        at(50_000),
        at(60_000),
    ]
    assert outcome.counts == {}
    observed = [one.event for one in outcome.records if isinstance(one.event, ObservedHeld)]
    assert [one.facts.org_id for one in observed if one.facts is not None] == [ORG, ORG]


def test_an_alert_that_nobody_took(tmp_path: Path) -> None:
    """The event at the end says that there was no talk; analytics say it by their segments."""
    start = user_event("start", 500)
    ending = user_event("end", 9_000, interactingDurationMs=0, heldDurationMs=0)
    assert take_in(tmp_path, [start, ending]).counts == {"never_connected": 1}
    alert = [segment("alert", 500, 9_000, disconnectType="timeout")]
    data = conversation(agent(session(alert, metrics=[])))
    assert take_in(tmp_path, data, [start]).counts == {"never_connected": 1}


def test_envelopes_date_snapshots(tmp_path: Path) -> None:
    """The envelope's time is that of receipt; the frame's own is better where there is one."""
    outcome = take_in(
        tmp_path,
        [
            envelope(held(5_000), 5_400),
            envelope({**frame(participant()), "timestamp": iso(9_123)}, 9_900),
        ],
    )
    assert outcome.lengths_ms == [4_123]


def test_events_that_contradict(tmp_path: Path) -> None:
    """A total that is not the sum of the holds is a contradiction."""
    outcome = take_in(
        tmp_path,
        [
            metric_frame("tHeld", 7_000, 30_000),
            user_event("end", 60_000, heldDurationMs=9_000),
            user_event("end", 60_000, heldDurationMs=9_500),
        ],
    )
    assert outcome.words("held_total_differs") == ["heldDurationMs 9500 ms; ledger 7000 ms"]
    assert outcome.counts["sources_differ"] == 1


def test_only_sums(tmp_path: Path) -> None:
    """A leg of which nothing says when it was is left out, and counted."""
    outcome = take_in(tmp_path, [metric_frame("tHandle", 7_000, 30_000)])
    assert (outcome.records, outcome.counts) == ([], {"only_sums": 1})


# --- several sources ------------------------------------------------------------------------------


def test_sources_that_agree(tmp_path: Path) -> None:
    """Analytics, notifications and events of one leg are one leg, and counted once."""
    snapshots = [frame(participant()), held(10_501), frame(participant()), ended(20_101)]
    events = [metric_frame("tHeld", 4_601, 15_101), metric_frame("tHeldComplete", 4_601, 20_101)]
    for order in permutations([[held_once()], snapshots, events]):
        outcome = take_in(tmp_path, *order)
        assert outcome.lengths_ms == [4_601]
        assert outcome.imported.legs == 1
        assert outcome.counts == {}


def test_events_know_the_agent_where_snapshots_know_the_participant(tmp_path: Path) -> None:
    """A leg that only the user links is found by it."""
    outcome = take_in(
        tmp_path,
        [held(5_000), frame(participant()), metric_frame("tHeld", 4_601, 9_601)],
    )
    assert outcome.imported.legs == 1
    assert outcome.lengths_ms == [4_601]


def test_a_hold_that_segments_do_not_show(tmp_path: Path) -> None:
    """A snapshot on hold in the middle of the leg contradicts; one after the data adds to them."""
    outcome = take_in(tmp_path, held_once(), [held(18_000)])
    assert outcome.counts["sources_differ"] == 1
    assert outcome.lengths_ms == [4_601]
    talking = talk(("interact", 1_000), wrapup=0)
    del talking[-1]["disconnectType"]
    early = conversation(agent(session(talking, metrics=[])), end=None)
    outcome = take_in(
        tmp_path, early, [received(held(30_000), 30_100), received(frame(participant()), 31_000)]
    )
    assert outcome.lengths_ms == [1_000]


def test_a_running_segment_ends_where_another_source_says(tmp_path: Path) -> None:
    """THeld is there before analytics are."""
    running = [segment("interact", 0, 1_000), segment("hold", 1_000, None)]
    early = conversation(agent(session(running, metrics=[])), end=None)
    outcome = take_in(tmp_path, early, [metric_frame("tHeld", 3_000, 4_000)])
    assert outcome.lengths_ms == [3_000]


def test_two_legs_of_one_participant_are_not_guessed_apart(tmp_path: Path) -> None:
    """A flat snapshot that fits two sessions stays a leg of its own."""
    other = "5e551011-0000-4000-8000-000000000002"
    turns = talk(("interact", 1_000))
    data = conversation(agent(session(turns), session(turns, name=other)))
    outcome = take_in(tmp_path, data, [held(5_000)])
    assert {record.interaction_id for record in outcome.records} == {
        LEG,
        f"{CONVERSATION}/{other}",
        FLAT_LEG,
    }
    assert SESSION in LEG
