"""Conversation details of analytics become recordings that say what they say."""

from pathlib import Path

import pytest
from tests.adapters.genesys.recorded_data import (
    CONVERSATION,
    CREATED,
    LEG,
    QUEUE,
    USER,
    agent,
    at,
    conversation,
    customer,
    held_once,
    iso,
    lines,
    metric,
    metrics_of,
    segment,
    session,
    take_in,
    talk,
    write,
    zipped,
)

from hookflash.adapters.genesys.cloud.recorded.importing import import_recorded
from hookflash.adapters.journal.checking import check
from hookflash.adapters.journal.interchange import import_recordings
from hookflash.adapters.journal.recording import read_header
from hookflash.adapters.specifications import load_machine
from hookflash.machines.errors import ConfigurationError
from hookflash.machines.policy import GroupPolicy, HoldPolicy


def test_one_hold(tmp_path: Path) -> None:
    """A leg is active when connected, held from the hold's start to its end, and closed."""
    outcome = take_in(tmp_path, {"conversations": [held_once()], "cursor": "x"})
    assert outcome.told == [
        ("ObservedActive", "active"),
        ("ObservedHeld", "held"),
        ("ObservedActive", "active"),
        ("ObservedClosed", "closed"),
    ]
    assert [record.event.at for record in outcome.records] == [
        at(500),
        at(10_500),
        at(15_101),
        at(20_101),
    ]
    (hold,) = outcome.holds
    assert (hold.interaction_id, hold.skill_group_id) == (LEG, QUEUE)
    assert (hold.began, hold.ended, hold.held_us) == ("foreign", "foreign", 4_601_000)
    assert outcome.counts == {}
    assert outcome.imported.flawless
    assert (outcome.imported.conversations, outcome.imported.legs, outcome.imported.compared) == (
        1,
        1,
        1,
    )


def test_the_records_are_the_machines_own_steps(tmp_path: Path) -> None:
    """Stepping the recorded events again under the recorded policy gives the recorded effects."""
    turns = talk(("interact", 1_000), ("hold", 1_000_000), ("interact", 1_000))
    outcome = take_in(tmp_path, conversation(agent(session(turns))))
    header = read_header(tmp_path / "recording.jsonl")
    machine = load_machine("hold", HoldPolicy(foreign="watch"))
    assert (header.gateway, header.created, header.spec_hash) == (
        "genesys-cloud",
        CREATED,
        machine.spec.digest,
    )
    known = machine.start(LEG)
    for record in outcome.records:
        step = machine.step(known, record.event)
        assert (record.source, record.target, record.effects) == (
            known.state,
            step.interaction.state,
            step.effects,
        )
        known = step.interaction
    assert [record.begins for record in outcome.records] == [True] + [False] * 5
    assert check(tmp_path / "recording.jsonl").whole


def test_timers_fire_when_they_are_due_and_nothing_is_enforced(tmp_path: Path) -> None:
    """A hold past its limit is warned about and watched: nobody was there to release it."""
    turns = talk(("interact", 1_000), ("hold", 1_000_000), ("interact", 1_000))
    outcome = take_in(tmp_path, conversation(agent(session(turns))))
    assert [(name, state) for name, state in outcome.told if "Timer" in name] == [
        ("WarningTimerFired", "held"),
        ("LimitTimerFired", "held"),
    ]
    fired = {type(one.event).__name__: one.event.at for one in outcome.records}
    assert fired["WarningTimerFired"] == at(1_500 + 720_000)
    assert fired["LimitTimerFired"] == at(1_500 + 900_000)
    (hold,) = outcome.holds
    assert (hold.warnings, hold.limit_passed, hold.over_limit_us) == (2, True, 100_000_000)


def test_a_hold_of_exactly_the_limit_has_not_passed_it(tmp_path: Path) -> None:
    """Of what happens at one instant the data come first."""
    turns = talk(("interact", 1_000), ("hold", 900_000), ("interact", 1_000))
    (hold,) = take_in(tmp_path, conversation(agent(session(turns)))).holds
    assert (hold.limit_passed, hold.over_limit_us) == (False, 0)


def test_limits_by_queue(tmp_path: Path) -> None:
    """The policy's skill groups are the queues; whatever it says, nothing is enforced."""
    policy = HoldPolicy(
        foreign="enforce", policy=(GroupPolicy(skill_group=QUEUE, limit_s=2.0, foreign="enforce"),)
    )
    (hold,) = take_in(tmp_path, held_once(), policy=policy).holds
    assert (hold.limit_us, hold.limit_passed, hold.ended) == (2_000_000, True, "foreign")


def test_several_holds_of_several_agents(tmp_path: Path) -> None:
    """Each leg is an interaction of its own, and all are told in the order of time."""
    first = talk(("interact", 1_000), ("hold", 2_000), ("interact", 1_000), ("hold", 3_000))
    first.append(segment("interact", 7_500, 8_000, disconnectType="transfer"))
    second = talk(("interact", 4_000), ("hold", 5_000), ("interact", 500), start=5_000)
    other = "5e551011-0000-4000-8000-000000000002"
    outcome = take_in(
        tmp_path,
        conversation(
            agent(session(first)),
            agent(session(second, name=other), name="c3e76598-0000-4000-8000-000000000002"),
        ),
    )
    assert outcome.lengths_ms == [2_000, 3_000, 5_000]
    times = [record.event.at for record in outcome.records]
    assert times == sorted(times)
    assert [record.seq for record in outcome.records] == list(range(1, len(times) + 1))
    assert {hold.interaction_id for hold in outcome.holds} == {LEG, f"{CONVERSATION}/{other}"}
    assert outcome.counts == {}


def test_a_consultation_is_a_leg_of_its_own(tmp_path: Path) -> None:
    """The second session of one agent, to whom he speaks while the caller waits."""
    main = talk(("interact", 1_000), ("hold", 10_000), ("interact", 1_000))
    consult = [
        segment("dialing", 2_000, 2_500),
        segment("interact", 2_500, 9_000, disconnectType="client"),
    ]
    outcome = take_in(
        tmp_path,
        conversation(
            agent(session(main), session(consult, name="c0511117-0000-4000-8000-000000000001"))
        ),
    )
    assert outcome.imported.legs == 2
    assert outcome.lengths_ms == [10_000]
    assert outcome.imported.flawless


def test_a_running_segment_has_no_end(tmp_path: Path) -> None:
    """The hold goes on where the data end, and that is written down."""
    running = [segment("interact", 0, 1_000), segment("hold", 1_000, None)]
    outcome = take_in(tmp_path, conversation(agent(session(running, metrics=[])), end=None))
    assert outcome.told == [("ObservedActive", "active"), ("ObservedHeld", "held")]
    assert outcome.lengths_ms == [None]
    assert outcome.counts == {"hold_goes_on": 1, "not_compared": 1}
    assert outcome.words("hold_goes_on") == [f"since {iso(1_000)}"]
    assert outcome.imported.flawless


def test_timers_do_not_fire_beyond_what_is_known(tmp_path: Path) -> None:
    """A running hold reaches its warning only if another leg of the data goes on for so long."""
    running = [segment("interact", 0, 1_000), segment("hold", 1_000, None)]
    later = talk(("interact", 3_000_000), start=0)
    outcome = take_in(
        tmp_path,
        conversation(agent(session(running, metrics=[])), end=None),
        conversation(
            agent(session(later, name="5e551011-0000-4000-8000-000000000009")),
            name="be9d3155-c3b6-4a6c-8ff1-000000000002",
        ),
    )
    assert not [name for name, _ in outcome.told if "Timer" in name]


def test_a_session_that_ends_on_hold(tmp_path: Path) -> None:
    """The last segment is the hold: it ends with the leg, and its tHeld may still be missing."""
    turns = talk(("interact", 1_000), ("hold", 7_000), wrapup=0)
    without = [one for one in metrics_of(turns) if not one["name"].startswith("tH")]
    outcome = take_in(tmp_path, conversation(agent(session(turns, metrics=without))))
    assert outcome.told[-2:] == [("ObservedHeld", "held"), ("ObservedClosed", "closed")]
    (hold,) = outcome.holds
    assert (hold.ended, hold.held_us) == ("closed", 7_000_000)
    assert outcome.counts == {"not_compared": 1}


def test_a_session_that_begins_on_hold(tmp_path: Path) -> None:
    """There is no instant before it at which anything else was so."""
    turns = talk(("hold", 2_000), ("interact", 1_000))
    outcome = take_in(tmp_path, conversation(agent(session(turns))))
    assert outcome.told[0] == ("ObservedHeld", "held")
    assert outcome.imported.flawless


def test_holds_that_follow_on_each_other(tmp_path: Path) -> None:
    """A hold segment that was cut in two is two holds, as tHeld says."""
    turns = talk(("interact", 1_000), ("hold", 2_000), ("hold", 3_000), ("interact", 1_000))
    outcome = take_in(tmp_path, conversation(agent(session(turns))))
    assert outcome.lengths_ms == [2_000, 3_000]
    assert outcome.counts == {}


def test_a_hold_of_no_length(tmp_path: Path) -> None:
    """Begun and ended in one millisecond, it is a hold all the same."""
    turns = talk(("interact", 1_000), ("hold", 0), ("interact", 1_000))
    outcome = take_in(tmp_path, conversation(agent(session(turns))))
    assert outcome.lengths_ms == [0]
    assert outcome.imported.flawless


def test_a_hold_without_an_end_before_something_else(tmp_path: Path) -> None:
    """It was over when the next segment began; that is inferred, and said."""
    turns = talk(("interact", 1_000), ("hold", 2_000), ("interact", 1_000))
    del turns[2]["segmentEnd"]
    outcome = take_in(tmp_path, conversation(agent(session(turns, metrics=[]))))
    assert outcome.lengths_ms == [2_000]
    assert outcome.counts == {"end_inferred": 1, "not_compared": 1}
    assert outcome.places("end_inferred") == ["data-1.json: line 1: $.participants[1].sessions[0]"]


def test_a_hold_without_an_end_in_a_conversation_that_is_over(tmp_path: Path) -> None:
    """It ended with the conversation at the latest, and the leg with it."""
    running = [segment("interact", 0, 1_000), segment("hold", 1_000, None)]
    outcome = take_in(tmp_path, conversation(agent(session(running, metrics=[])), end=9_000))
    (hold,) = outcome.holds
    assert (hold.ended, hold.held_us) == ("closed", 8_000_000)


def test_other_media_are_left_out_unless_they_are_wanted(tmp_path: Path) -> None:
    """Genesys counts work on other interactions as digital hold: nobody hears music there."""
    turns = talk(("interact", 1_000), ("hold", 7_000), ("interact", 1_000))
    quiet = talk(("interact", 1_000))
    data = conversation(
        agent(
            session(turns, mediaType="message"),
            session(quiet, mediaType="email", name="5e551011-0000-4000-8000-000000000007"),
        )
    )
    outcome = take_in(tmp_path, data)
    assert outcome.records == []
    assert outcome.counts == {"digital_hold": 1, "other_media": 1}
    assert outcome.words("digital_hold") == ["message"]
    assert outcome.imported.flawless
    assert take_in(tmp_path, data, media=frozenset({"message"})).lengths_ms == [7_000]
    assert take_in(tmp_path, data, media=None).imported.legs == 2


def test_a_medium_that_is_not_said_is_taken_in(tmp_path: Path) -> None:
    """Nothing is left out on a guess."""
    turns = talk(("interact", 1_000), ("hold", 7_000), ("interact", 1_000))
    outcome = take_in(tmp_path, conversation(agent(session(turns, mediaType=None))))
    assert outcome.lengths_ms == [7_000]
    assert outcome.counts == {"unknown_media": 1}


def test_unknown_words_are_taken_as_they_come(tmp_path: Path) -> None:
    """An unknown type of segment is no hold; an unknown purpose with a user is an agent."""
    turns = talk(("interact", 1_000), ("teleporting", 500), ("hold", 7_000), ("interact", 1_000))
    outcome = take_in(tmp_path, conversation(agent(session(turns), purpose="robot")))
    assert outcome.lengths_ms == [7_000]
    assert outcome.counts == {"unknown_purpose": 1, "unknown_segment_type": 1}
    assert outcome.words("unknown_purpose") == ["robot"]
    assert outcome.words("unknown_segment_type") == ["teleporting"]


def test_an_alert_that_nobody_took(tmp_path: Path) -> None:
    """A leg that was never connected is counted, and in no recording."""
    data = conversation(agent(session([segment("alert", 0, 8_000, disconnectType="timeout")])))
    outcome = take_in(tmp_path, data)
    assert outcome.records == []
    assert outcome.counts == {"never_connected": 1}


def test_segments_out_of_order(tmp_path: Path) -> None:
    """They are told by their times."""
    turns = talk(("interact", 1_000), ("hold", 2_000), ("interact", 1_000), ("hold", 3_000))
    turns[-1:] = [segment("interact", 7_500, 8_000)]
    shuffled = conversation(agent(session(turns[::-1], metrics=metrics_of(turns))))
    outcome = take_in(tmp_path, shuffled)
    assert outcome.lengths_ms == [2_000, 3_000]
    assert outcome.counts == {}


def test_holds_that_overlap(tmp_path: Path) -> None:
    """No leg is on hold twice: they are taken for one, and the figures contradict."""
    turns = [
        segment("interact", 0, 1_000),
        segment("hold", 1_000, 5_000),
        segment("hold", 3_000, 9_000),
        segment("interact", 9_000, 10_000, disconnectType="peer"),
    ]
    outcome = take_in(tmp_path, conversation(agent(session(turns))))
    assert outcome.lengths_ms == [8_000]
    assert outcome.counts["overlapping_holds"] == 1
    assert outcome.words("segments_differ") == ["segments 4000 ms, 6000 ms; ledger 8000 ms"]
    assert not outcome.imported.flawless


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("tHeld", "held_differs", "tHeld 4602 ms; ledger 4601 ms"),
        ("tHeldComplete", "held_complete_differs", "tHeldComplete 4602 ms; ledger 4601 ms"),
        (
            "tHandle",
            "handle_differs",
            "tHandle 20602 ms; talk, after-call work and dialing 16000 ms and ledger 4601 ms",
        ),
    ],
)
def test_metrics_that_contradict(tmp_path: Path, name: str, reason: str, words: str) -> None:
    """One millisecond too much is said, with the conversation and both figures."""
    data = held_once()
    (wrong,) = [
        one for one in data["participants"][1]["sessions"][0]["metrics"] if one["name"] == name
    ]
    wrong["value"] += 1
    outcome = take_in(tmp_path, data)
    assert outcome.words(reason) == [words]
    assert outcome.imported.tally.first[reason][0].place == LEG
    assert not outcome.imported.flawless
    assert take_in(tmp_path, data, tolerance_us=1_000).imported.flawless


def test_a_metric_of_a_hold_that_no_segment_shows(tmp_path: Path) -> None:
    """A tHeld without its hold contradicts; a hold without its tHeld does not."""
    data = held_once()
    metrics = data["participants"][1]["sessions"][0]["metrics"]
    kept = [one for one in metrics if one["name"] != "tHeld"]
    metrics[:] = kept
    assert take_in(tmp_path, data).imported.flawless
    metrics += [metric("tHeld", 4_601, 15_101), metric("tHeld", 9, 16_000)]
    assert set(take_in(tmp_path, data).counts) == {"held_differs"}


def test_missing_metrics(tmp_path: Path) -> None:
    """Without metrics nothing can be compared; that is counted."""
    data = held_once()
    del data["participants"][1]["sessions"][0]["metrics"]
    outcome = take_in(tmp_path, data)
    assert outcome.counts == {"not_compared": 1}
    assert outcome.imported.compared == 0


def test_outbound_calls_have_dialing_in_their_handle_time(tmp_path: Path) -> None:
    """THandle is talk, hold, after-call work, dialing and contacting together."""
    turns = [
        segment("contacting", 0, 1_193),
        segment("dialing", 1_193, 1_455),
        segment("interact", 1_455, 30_000),
        segment("hold", 30_000, 40_000),
        segment("interact", 40_000, 60_000, disconnectType="client"),
    ]
    outcome = take_in(tmp_path, conversation(agent(session(turns), purpose="user")))
    assert outcome.counts == {}
    assert outcome.imported.compared == 1


def test_a_hold_of_somebody_who_is_no_agent(tmp_path: Path) -> None:
    """It is not dropped in silence."""
    caller = customer()
    caller["sessions"][0]["segments"].append(segment("hold", 1_000, 2_000))
    outcome = take_in(tmp_path, {**conversation(), "participants": [caller]})
    assert outcome.counts == {"hold_of_other_participant": 1}
    assert outcome.places("hold_of_other_participant") == ["data-1.json: line 1: $.participants[0]"]


# --- several files --------------------------------------------------------------------------------


def test_what_is_said_twice_counts_once(tmp_path: Path) -> None:
    """The same conversation in two pages is one."""
    outcome = take_in(tmp_path, {"conversations": [held_once()]}, [held_once()])
    assert outcome.lengths_ms == [4_601]
    assert outcome.counts == {"duplicate": 1}
    assert outcome.places("duplicate") == ["data-2.json: line 1: $.participants[1].sessions[0]"]
    assert outcome.imported.flawless


@pytest.mark.parametrize("swapped", [False, True])
def test_the_later_account_of_a_leg_counts(tmp_path: Path, *, swapped: bool) -> None:
    """A conversation that was read while it went on, and again when it was over."""
    turns = talk(("interact", 1_000), ("hold", 2_000), ("interact", 1_000))
    running = [*turns[:2], {**turns[2]}]
    del running[2]["segmentEnd"]
    early = conversation(agent(session(running, metrics=[])), end=None)
    late = conversation(agent(session(turns)))
    outcome = take_in(tmp_path, *([late, early] if swapped else [early, late]))
    assert outcome.lengths_ms == [2_000]
    assert outcome.counts == {}


def test_accounts_that_contradict(tmp_path: Path) -> None:
    """Two files that give one leg other holds: both places are named, and the later one counts."""
    turns = talk(("interact", 1_000), ("hold", 2_000), ("interact", 1_000))
    other = talk(("interact", 1_000), ("hold", 2_500), ("interact", 1_000))
    outcome = take_in(
        tmp_path, conversation(agent(session(turns))), conversation(agent(session(other)))
    )
    assert outcome.lengths_ms == [2_500]
    assert outcome.places("sources_differ") == [
        "data-2.json: line 1: $.participants[1].sessions[0]"
    ]
    assert "data-1.json: line 1" in outcome.words("sources_differ")[0]
    assert not outcome.imported.flawless


def test_conversations_are_told_in_the_order_of_time(tmp_path: Path) -> None:
    """Whatever the order of files and of conversations in them."""
    data = [
        conversation(
            agent(
                session(
                    talk(("interact", 1_000), ("hold", 9_000), ("interact", 9), start=start),
                    name=f"s-{start}",
                )
            ),
            name=f"c-{start}",
        )
        for start in (7_000, 1_000, 90_000, 4_000)
    ]
    outcome = take_in(tmp_path, *data)
    times = [record.event.at for record in outcome.records]
    assert times == sorted(times)
    assert outcome.imported.legs == 4


def test_more_conversations_than_are_kept_in_memory(tmp_path: Path) -> None:
    """What does not fit is put into the database, and comes back when more is said of it."""
    turns = talk(("interact", 1_000), ("hold", 2_000), ("interact", 1_000))
    many = [conversation(agent(session(turns, name=f"s-{n}")), name=f"c-{n}") for n in range(7)]
    outcome = take_in(tmp_path, [*many, *many], kept_max=2)
    assert outcome.imported.holds == 7
    assert outcome.counts == {"duplicate": 7}


def test_more_records_than_are_written_at_a_time(tmp_path: Path) -> None:
    """They are all there, in order."""
    turns = talk(*[("interact", 10), ("hold", 10)] * 2_100)
    outcome = take_in(tmp_path, conversation(agent(session(turns[:4_200], metrics=[]))))
    assert len(outcome.records) == outcome.imported.records > 4_096
    assert check(tmp_path / "recording.jsonl").whole


# --- what does not get into a recording -----------------------------------------------------------


def test_names_and_numbers_stay_out(tmp_path: Path) -> None:
    """Neither customers nor agents nor telephone numbers are in the recording."""
    take_in(tmp_path, held_once(), media=None)
    text = (tmp_path / "recording.jsonl").read_text("utf-8")
    for word in ("5550100", "Jane", "Joe", USER):
        assert word not in text


def test_the_same_input_gives_the_same_recording(tmp_path: Path) -> None:
    """Byte for byte."""
    take_in(tmp_path, held_once())
    first = (tmp_path / "recording.jsonl").read_bytes()
    take_in(tmp_path, held_once())
    assert (tmp_path / "recording.jsonl").read_bytes() == first


def test_a_journal_can_be_made_of_it(tmp_path: Path) -> None:
    """It is a recording like any other."""
    take_in(tmp_path, held_once())
    imported = import_recordings([tmp_path / "recording.jsonl"], tmp_path / "journal.db")
    assert imported.last_seq == 4


def test_an_empty_page_makes_an_empty_recording(tmp_path: Path) -> None:
    """No conversation is no mistake."""
    outcome = take_in(tmp_path, {"conversations": [], "totalHits": 0})
    assert (outcome.records, outcome.imported.flawless) == ([], True)


# --- the forms of a file --------------------------------------------------------------------------

PAGE = {"conversations": [held_once()], "cursor": "x", "dataAvailabilityDate": iso(0)}
FORMS: dict[str, bytes] = {
    "page": b'{"cursor":"x","conversations":[' + lines(held_once()) + b"]}",
    "pretty page": b'{\n  "conversations": [\n' + lines(held_once()) + b"  ]\n}\n",
    "list": b"[\n" + lines(held_once()) + b"]",
    "list of pages": b"[\n" + lines(PAGE) + b"]",
    "one conversation": lines(held_once())[:-1],
    "JSON Lines of conversations": lines(held_once()),
    "JSON Lines of pages": lines(PAGE, {"conversations": []}),
    "documents without newlines": lines(PAGE)[:-1] + lines({"conversations": []})[:-1],
    "with a banner": b"Listening ...\n\n" + lines(held_once()),
    "with a byte order mark": b"\xef\xbb\xbf" + lines(held_once()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_of_a_file(tmp_path: Path, form: str, *, packed: bool) -> None:
    """The kind of a file is told by what is in it, also where it is compressed."""
    content = FORMS[form]
    outcome = take_in(tmp_path, zipped(content) if packed else content)
    assert outcome.lengths_ms == [4_601]
    banners = {"with a banner": {"not_json": 1}}
    assert outcome.counts == banners.get(form, {})


def test_the_target_is_no_file_that_is_needed(tmp_path: Path) -> None:
    """Neither what is read nor a journal is written over; nothing is left behind."""
    (source,) = write(tmp_path, held_once())
    with pytest.raises(ConfigurationError, match="is what is read"):
        import_recorded([source], source, created=CREATED)
    take_in(tmp_path, held_once())
    journal = tmp_path / "journal.db"
    import_recordings([tmp_path / "recording.jsonl"], journal)
    with pytest.raises(ConfigurationError, match="is a journal"):
        import_recorded([source], journal, created=CREATED)
    with pytest.raises(ConfigurationError, match="cannot write"):
        import_recorded([source], tmp_path / "no-folder" / "r.jsonl", created=CREATED)
    assert not list(tmp_path.glob(".*"))
