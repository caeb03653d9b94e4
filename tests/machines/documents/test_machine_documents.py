"""Documents of machines: what stands in them, and that nothing can be wrong in them."""

import re
from typing import Any

import pytest
from attrs import evolve
from tests.machines.documents.lamps import (
    IMPLEMENTATION,
    SAMPLES,
    WALKTHROUGHS,
    document_of,
    lamp,
    section,
)
from tests.machines.hold_world import hold_machine

from hookflash.machines import connection, connection_samples, hold_samples
from hookflash.machines.connection_walkthroughs import WALKTHROUGHS as OF_CONNECTION
from hookflash.machines.documents import Document, machine_document, walk
from hookflash.machines.documents.markdown import slug
from hookflash.machines.errors import SpecError
from hookflash.machines.findings import Finding
from hookflash.machines.machine import Implementation, Machine
from hookflash.machines.proof import prove
from hookflash.machines.proof_world import Samples
from hookflash.machines.spec import parse_spec
from hookflash.machines.walkthroughs import Happening, Walkthrough


@pytest.fixture(scope="module")
def hold_document() -> Document:
    """The document of the hold machine, without what exploring it brings to light."""
    machine = hold_machine()
    report = prove(machine.spec, machine.implementation, None)
    return machine_document(machine, report, hold_samples.SAMPLES)


def links_of(markdown: str) -> set[str]:
    """Return the anchors that links of a document lead to."""
    return set(re.findall(r"\]\(#([^)]+)\)", markdown))


def anchors_of(markdown: str) -> list[str]:
    """Return the anchors of the headings of a document."""
    return [slug(heading) for heading in re.findall(r"^#+ (.*)$", markdown, re.MULTILINE)]


# --- what stands in them --------------------------------------------------------------------------


def test_every_row_is_told_in_full(hold_document: Document) -> None:
    """Each row of the definition stands in the table of its event, with its reason."""
    spec = hold_machine().spec
    for name in spec.events:
        told = section(hold_document, f"### Event `{name}`")
        for row in (row for row in spec.rows if row.event == name):
            reason = row.reason[0].upper() + row.reason[1:]
            lines = [line for line in told.splitlines() if reason.rstrip(".") in line]
            assert any(f"`{row.source}`" in line or "any state" in line for line in lines), row
            for guard in row.guards:
                assert any(f"`{guard}`" in line for line in lines), row


def test_every_name_is_told(hold_document: Document) -> None:
    """States, events, timers, guards, effects, requests: all stand in the document."""
    machine, text = hold_machine(), hold_document.markdown
    for names in (
        machine.spec.states,
        machine.spec.events,
        machine.spec.timers,
        machine.implementation.guards,
        machine.implementation.effects,
        [cls.__name__ for cls in machine.implementation.produces],
        [walkthrough.title for walkthrough in hold_samples.SAMPLES.walkthroughs],
    ):
        for name in names:
            assert name in text, name


def test_every_link_leads_somewhere(hold_document: Document) -> None:
    """Links go to headings of the same document, and no two headings have one anchor."""
    for document in (hold_document, document_of(lamp())):
        anchors = anchors_of(document.markdown)
        assert set() == links_of(document.markdown) - set(anchors)
        assert len(anchors) == len(set(anchors))


def test_the_picture_stands_in_the_text(hold_document: Document) -> None:
    """Markdown has the text for Mermaid; a page draws it of texts that show the same."""
    (picture,) = hold_document.pictures
    assert f"```mermaid\n{picture.mermaid}```" in hold_document.markdown
    assert picture.drawing is not None
    assert len(picture.dots) > 1
    assert "unhold_pending" in picture.words


def test_a_document_is_the_same_each_time() -> None:
    """Nothing in it depends on the moment or the process."""
    assert document_of(lamp()) == document_of(lamp())


def test_the_head_says_what_the_machine_is_for() -> None:
    """Its purpose, how large it is, what stands where."""
    lines = document_of(lamp()).markdown.splitlines()
    assert ["# The machine `lamp`", "", "A lamp that goes out by itself."] == lines[:3]
    assert any(f"1 timer, {len(lamp().spec.rows)} rows" in line for line in lines[:6])
    assert "| bulb | The part that shines. |" in lines
    assert any(line.startswith("- [What happens when](#what-happens-when)") for line in lines)


def test_states_say_how_they_are_entered_and_left() -> None:
    """With what must be under way in them, and what their timers do."""
    document = document_of(lamp())
    dark, lit = (section(document, f"### State `{name}`") for name in ("dark", "lit"))
    assert "- It begins here." in dark
    assert "- It may last for ever: Darkness needs nobody." in dark
    watched = "What must be under way here, so that nobody is forgotten: `glow` or `Ring`"
    assert f"- {watched}, unless `daylight`." in lit
    fires = "- When [`glow`](#timers) fires (60 s), where"
    assert f"{fires} `gentle`, it goes to `dark`: Never taken." in lit
    assert f"{fires} not `gentle`, it goes to `dark`: Its time is over." in lit
    assert "| `dark` | [`pressed`](#event-pressed) | `gentle` | It shines. |" in lit
    assert "| `dark` | [`glow_over`](#event-glow_over) | not `gentle` | Its time is over. |" in lit
    broken = section(document, "### State `broken`")
    assert "- It ends here." in broken
    assert "Left:" not in broken
    assert r"It is \[broken\] | for \<good\>." in broken


def test_a_timer_that_does_something_while_it_stays() -> None:
    """It is told as such; one that does nothing anywhere says so."""
    stays = lamp(
        (
            'guards = ["gentle"]\ntarget = "dark"\ndoc = "never taken"',
            'guards = ["gentle"]\neffects = ["ring"]\nstay = "It rings."',
        )
    )
    told = section(document_of(stays), "### State `lit`")
    assert "fires (60 s), where `gentle`, it stays: It rings." in told
    idle = lamp(
        ('target = "dark"\ndoc = "never taken"', 'late = "Over."'),
        ('target = "dark"\neffects = ["ring"]\ndoc = "Its time is over."', 'late = "Over."'),
    )
    assert "| no state |" in section(document_of(idle), "## Timers")


def test_events_say_where_they_come_from_and_what_they_carry() -> None:
    """From the definition, from a timer, as an answer, or from whoever runs the machine."""
    document = document_of(lamp())
    told = {name: section(document, f"### Event `{name}`") for name in lamp().spec.events}
    assert "From: a hand." in told["pressed"]
    assert "From: the timer `glow`, when it is due." in told["glow_over"]
    assert "From: whoever carries out `Ring`." in told["rung"]
    assert "From: whoever runs the machine." in told["hit"]
    assert "Carried by `Pressed`: Somebody pressed." in told["pressed"]
    assert "Carried by `Rung`." in told["rung"]
    assert "| `force` | number | 1 |" in told["pressed"]
    assert "| `owner` | text | What the timer was started for. |" in told["glow_over"]
    assert "| `thrown_by` | text |" in told["hit"]


def test_rows_say_what_they_decide() -> None:
    """Moves, stays, late, ignored, rejected with its error and its counter."""
    document = document_of(lamp())
    pressed = section(document, "### Event `pressed`")
    assert "| `dark` | `gentle` | →\u00a0`lit` | `light` | It shines. |" in pressed
    rejected = "| `dark` | otherwise | rejected: `InvalidCommand`, counts `rough` |  | Too rough. |"
    assert rejected in pressed
    assert "| any state | ignored | A bell. |" in section(document, "### Event `rung`")
    decisions = section(document, "## Decisions")
    row = (
        "| [`pressed`](#event-pressed) | →\u00a0`lit`, rejected: `InvalidCommand` | stays | late |"
    )
    assert row in decisions


def test_requests_data_and_settings_are_told() -> None:
    """With their fields, and what answers a request."""
    document = document_of(lamp())
    ring = section(document, "### Request `Ring`")
    assert "Ring the bell of `owner`." in ring
    assert "It is answered by [`rung`](#event-rung)." in ring
    assert "| `loud` | true or false | false | Whether everybody is to hear it. |" in ring
    remembered = section(document, "## What it remembers")
    assert "What the lamp remembers." in remembered
    assert "`Bulb`: What shines." in remembered
    assert "| `watts` | whole number | 60 | How much it takes. |" in remembered
    assert "| `glow_s` | 60 s | number |" in remembered
    assert "| `names` | empty | list of text |" in remembered


def test_what_was_proved_and_where_it_comes_from() -> None:
    """The report of the check stands there; names in it are code."""
    document = document_of(lamp())
    proved = section(document, "## What was proved")
    assert "The machine was not explored" in proved
    assert "- `dark` may last for ever: Darkness needs nobody." in proved
    origin = section(document, "## Where this comes from")
    assert "`lamp.toml`" in origin
    assert lamp().spec.digest in origin
    assert "those of `lamps`" in origin


def test_findings_are_told_with_their_way() -> None:
    """What is wrong, the shortest way there, and what to do."""
    machine = lamp(
        ('watched_by = ["glow", "Ring"]', 'watched_by = ["Ring"]'), ("unless", "#unless")
    )
    samples = evolve(SAMPLES, events=dict(list(SAMPLES.events.items())[:4]))
    report = prove(machine.spec, machine.implementation, samples)
    text = section(machine_document(machine, report, samples), "## What was proved")
    assert "`hookflash check` stepped the machine through every world" in text
    assert "under 2 policies" in text
    assert "findings:**" in text
    assert "    The shortest way there, under the policy `default`: `pressed` in `dark`." in text
    assert "    To do: " in text
    assert "- `unwatched`, lamp.toml: line" in text


def test_a_finding_without_advice_and_a_state_without_facts() -> None:
    """Nothing is told that nobody said."""
    machine = lamp(('watched_by = ["glow", "Ring"]\nunless = ["daylight"]\n', ""))
    finding = Finding("no_sample", "lamp.toml: line 1", "there is none")
    report = evolve(prove(machine.spec, machine.implementation, None), findings=(finding,))
    document = machine_document(machine, report, None)
    proved = section(document, "## What was proved")
    assert "- `no_sample`, lamp.toml: line 1: There is none.\n" in proved + "\n"
    assert "To do:" not in proved
    dim = lamp(("final = true", ""), ('watched_by = ["glow", "Ring"]', 'lasts = "x"'))
    assert "\n- " not in section(document_of(dim), "### State `broken`")


def test_a_machine_with_little_has_a_document_too() -> None:
    """Without timers, guards, effects, requests, samples and words there are no empty sections."""
    text = """
        [machine]
        name = "switch"
        initial = "off"
        implementation = "switches"
        doc = "A switch."
        [states.off]
        doc = "Off."
        [events]
        flipped = { class = "Flipped", doc = "Somebody flipped it." }
        [[transitions]]
        source = "off"
        event = "flipped"
        ignore = "It is broken."
    """

    class Flipped:
        pass

    class Data:
        pass

    implementation = Implementation({"flipped": Flipped}, {}, {}, Data, Data)
    machine: Machine[Any, Any] = Machine(parse_spec(text, "switch.toml"), implementation)
    document = machine_document(machine, prove(machine.spec, implementation, None), None)
    headings = re.findall(r"^## (.*)$", document.markdown, re.MULTILINE)
    expected = ["Words", "The picture", "States", "Decisions", "Events", "What it remembers"]
    assert expected == headings[:6]
    assert "Nothing beside its state." in document.markdown
    assert "Carried by `Flipped`." in document.markdown
    assert "The normal path" not in document.markdown
    assert set() == links_of(document.markdown) - set(anchors_of(document.markdown))


# --- walkthroughs ---------------------------------------------------------------------------------


def test_a_walkthrough_is_answered_by_the_machine() -> None:
    """What happens, what the machine decides, what it asks for, and when."""
    told = section(document_of(lamp()), "### When somebody presses twice")
    assert "Settings: as they are by default." in told
    assert "In short: `dark` → `lit` at 0\u00a0s → `dark` at 1\u00a0min\u00a010\u00a0s." in told
    rows = [line for line in told.splitlines() if line.startswith("| ")][2:]
    pressed = "A hand presses the button.<br>[`pressed`](#event-pressed)"
    lights = "**`dark` → `lit`**<br>It shines."
    assert f"| 0\u00a0s | {pressed} | {lights} | starts the timer `glow`: 60 s |" == rows[0]
    assert "**stays `lit`**<br>It shines for longer. | starts the timer `glow`: 60 s |" in rows[1]
    assert "[`Ring`](#request-ring): loud true |" in rows[2]
    assert "**late, stays `dark`**" in rows[3]
    assert "**ignored, stays `dark`**" in rows[4]
    assert "[`pressed`](#event-pressed): force 3 |" in rows[5]
    assert "**rejected with `InvalidCommand`, stays `dark`**" in rows[5]


def test_a_walkthrough_may_begin_later_under_another_policy() -> None:
    """What came first is named, times count from it, and settings that differ are told."""
    told = section(document_of(lamp()), "### When a ball flies")
    given = "There is a garden. It begins in `lit`, after `pressed`. Settings: `glow_s` 2 h."
    assert given in told
    assert "In short: `lit` → `broken` at 1\u00a0h\u00a06\u00a0min\u00a040\u00a0s." in told
    assert "| stops the timer `glow` |" in told
    assert told.rstrip().endswith("|")
    stays = section(document_of(lamp()), "### When a bell rings")
    assert "In short: `dark` all the time." in stays
    assert stays.rstrip().endswith("|\n\nNobody \\<hears\\> it.")


@pytest.mark.parametrize(
    ("walkthrough", "why"),
    [
        (Walkthrough("T", (Happening("sung"),)), "the samples have no event 'sung'"),
        (Walkthrough("T", (Happening("hit"),)), "'hit' cannot come in 'dark' as things are there"),
        (Walkthrough("T", (Happening("rung"),), policy="no"), "the samples have no policy 'no'"),
        (Walkthrough("T", ()), "nothing happens"),
        (Walkthrough("T", (Happening("hit:failing"),)), "'hit:failing' of lamps failed"),
    ],
)
def test_a_walkthrough_that_cannot_be_walked_is_an_error(
    walkthrough: Walkthrough, why: str
) -> None:
    """The message says which one and why."""
    samples = evolve(SAMPLES, walkthroughs=(walkthrough,))
    with pytest.raises(SpecError, match=re.escape(why)) as caught:
        document_of(lamp(), samples)
    assert "lamp.toml" in str(caught.value)


def test_events_without_a_moment_come_when_it_is_their_turn() -> None:
    """An event class need not have `at`."""

    class Struck:
        pass

    implementation = evolve(IMPLEMENTATION, events={**IMPLEMENTATION.events, "hit": Struck})
    spec = parse_spec(lamp().spec.text.replace('"Hit"', '"Struck"'), "lamp.toml")
    machine: Machine[Any, Any] = Machine(spec, implementation)
    told = (Walkthrough("T", (Happening("pressed"), Happening("hit", after_s=5.0))),)
    samples = Samples(
        events={"pressed": SAMPLES.events["pressed"], "hit": lambda _: Struck()},
        walkthroughs=told,
    )
    (walked,) = walk(machine, samples)
    assert [0, 5_000_000] == [one.at for one in walked.steps]


def test_the_walkthroughs_of_the_shipped_machines_end_as_they_should() -> None:
    """The questions of the acceptance have the answers that the design gives."""
    ends = {
        one.walkthrough.title: (
            [step.target for step in one.steps],
            [
                effect.outcome
                for step in one.steps
                for effect in step.step.effects
                if type(effect).__name__ == "EndCommand"
            ],
        )
        for one in walk(hold_machine(), hold_samples.SAMPLES)
    }
    lost = "When the acknowledgement of a hold is lost and the hold was carried out"
    assert ("held", ["confirmed_by_lookup"]) == (ends[lost][0][-1], ends[lost][1])
    limit = "When the limit passes during an unhold that succeeds"
    assert ("active", ["confirmed"]) == (ends[limit][0][-1], ends[limit][1])
    failed = "When the limit passes during an unhold that fails"
    assert "expired" in ends[failed][0]
    assert ["not_applied", "confirmed"] == ends[failed][1]
    by_hand = "When an agent unholds by hand"
    assert (["held", "active"], []) == ends[by_hand]
    decides = f"{failed} and the policy waits for a decision"
    assert ["not_applied", "expired", "confirmed"] == ends[decides][1]
    after_all = "When a hold that counted as not carried out is carried out after all"
    assert (["active", "held"], []) == ends[after_all]
    unnoticed = "When an agent unholds by hand and nobody notices before the limit"
    assert ("active", ["confirmed_by_lookup"]) == (ends[unnoticed][0][-1], ends[unnoticed][1])
    ours = "When an agent unholds by hand while our unhold is under way"
    assert (["unhold_pending", "active"], ["confirmed_by_lookup"]) == ends[ours]
    machine: Machine[Any, Any] = Machine(
        parse_spec(connection_text(), "connection.toml"), connection.IMPLEMENTATION
    )
    walked = list(walk(machine, connection_samples.SAMPLES))
    assert len(OF_CONNECTION) == len(walked)


def test_remarks_of_the_hold_machine_are_true() -> None:
    """What they add to their walkthroughs follows, should the machine go on."""

    def asks_for(title: str, *further: str, policy: str) -> list[str]:
        told = next(one for one in hold_samples.SAMPLES.walkthroughs if one.title == title)
        more = tuple(Happening(event) for event in further)
        told = evolve(told, happenings=(*told.happenings, *more), policy=policy)
        samples = evolve(hold_samples.SAMPLES, walkthroughs=(told,))
        (walked,) = walk(hold_machine(), samples)
        effects = [one for step in walked.steps[-len(more) :] for one in step.step.effects]
        return [
            str(getattr(one, "alarm", getattr(one, "notice", type(one).__name__)))
            for one in effects
            if "Timer" not in type(one).__name__
        ]

    after_all = "When a hold that counted as not carried out is carried out after all"
    limit = ("warning_timer_fired", "limit_timer_fired")
    watch = asks_for(after_all, *limit, policy="release, watch foreign holds")
    assert ["warning", "limit_passed"] == watch
    assert ["warning", "SendUnhold"] == asks_for(after_all, *limit, policy="release")
    lost = "When an unhold is lost twice"
    assert ["warning", "SendUnhold"] == asks_for(lost, *limit, policy="release")
    assert ["warning", "hold_expired", "LookUp"] == asks_for(lost, *limit, policy="expire")
    doubt = "When the acknowledgement of a hold is lost and the hold was carried out"
    assert ["warning", "SendUnhold"] == asks_for(doubt, *limit, policy="release")


def connection_text() -> str:
    """Return the definition of the connection machine."""
    from tests.machines.hold_world import ROOT  # noqa: PLC0415 - only here

    return (ROOT / "specs" / "connection.toml").read_text(encoding="utf-8")


def test_titles_are_unique() -> None:
    """Two questions of one name would have one anchor."""
    for walkthroughs in (hold_samples.SAMPLES.walkthroughs, OF_CONNECTION, WALKTHROUGHS):
        titles = [slug(one.title) for one in walkthroughs]
        assert len(titles) == len(set(titles))
