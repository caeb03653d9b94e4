"""Documents of rules files: each rule in words, and where it stands in the machine."""

import re
from typing import Any

import pytest
from tests.docs.blocks import ROOT, blocks_of
from tests.machines.documents.lamps import section
from tests.machines.hold_world import hold_spec

from hookflash.machines.documents import Document, rules_document
from hookflash.machines.documents.markdown import slug
from hookflash.machines.documents.rule_words import (
    CLAIMS,
    NOUNS,
    condition_lines,
    leaf_text,
    pattern_text,
    trigger_text,
)
from hookflash.machines.documents.rules_picture import RULES_MAX, pictures_of
from hookflash.machines.rules.checking import check_rules
from hookflash.machines.rules.clauses import split
from hookflash.machines.rules.rule import Pattern, Trigger
from hookflash.machines.rules.ruleset import Rules, parse_rules
from hookflash.machines.rules.variables import VARIABLES
from hookflash.machines.rules.vocabulary import Names

NAMES = Names(hold_spec())


def rules_of(text: str) -> Rules:
    """Return the rules of a file."""
    return parse_rules(text, "rules.toml", NAMES)


def document_of(text: str) -> Document:
    """Return the document of a rules file."""
    rules = rules_of(text)
    return rules_document(rules, "rules", check_rules(rules))


def rule(keys: str, actions: str = '{ action = "annotate", text = "x" }') -> str:
    """Return a file with one rule."""
    return f'[[rule]]\nname = "one"\n{keys}\nactions = [ {actions} ]\n'


def told(keys: str, actions: str = '{ action = "annotate", text = "x" }') -> str:
    """Return what a document says of a rule."""
    return section(document_of(rule(keys, actions)), "### Rule `one`")


# --- conditions -----------------------------------------------------------------------------------


def test_every_variable_has_words() -> None:
    """What conditions may read can be told."""
    assert set(VARIABLES) == set(NOUNS) | set(CLAIMS)
    assert not set(NOUNS) & set(CLAIMS)
    assert {name for name, one in VARIABLES.items() if one.type == "bool"} == set(CLAIMS)


@pytest.mark.parametrize(
    ("clause", "words"),
    [
        ('hold.reason == "consultation"', "the hold's reason is `consultation`"),
        ("hold.reason != 'x|y'", "the hold's reason is not `x|y`"),
        ('hold.reason == ""', "the hold's reason is empty"),
        ("hold.reason != ''", "the hold's reason is not empty"),
        ("hold.elapsed_s > 300", "the time since the hold began is more than 5 min"),
        ("hold.share >= 0.8", "the share of the limit that has passed is at least 80 %"),
        ("hold.alarms <= 3", "the number of alarms that the hold has raised is at most 3"),
        (
            "interaction.sample < 5",
            "the number from 0 to 99 that is drawn from its id is less than 5",
        ),
        ('interaction.skill_group in ["a", "b"]', "the skill group is `a` or `b`"),
        ("interaction.skill_group == interaction.org", "the skill group is the organisation"),
        ("interaction.on_hold", "the caller is on hold"),
        ("! interaction.on_hold", "the caller is not on hold"),
        ("!!calendar.open", "it is within opening hours"),
        ("hold.foreign == false", "the hold was made by hookflash"),
        ("hold.foreign != false", "somebody else made the hold"),
        ("hold.foreign == hold.watched", None),
        ('!(hold.reason == "x")', None),
        ("interaction.skill_group in interaction.groups", None),
        ("interaction.skill_group in []", None),
        ("interaction.skill_group in [f(1)]", None),
        ("nothing.known == 1", None),
        ("hold.alarms == size('x')", None),
        ("true", None),
    ],
)
def test_clauses_in_words(clause: str, words: str | None) -> None:
    """What is of a usual kind is told; anything else is shown as it was written."""
    said = leaf_text(clause)
    if words is None:
        assert "`" in said
    else:
        assert words == said


def test_a_clause_that_is_no_claim_is_explained() -> None:
    """By the variables that it reads."""
    said = leaf_text("interaction.id.startsWith('a')")
    assert said == "`interaction.id.startsWith('a')` (`interaction.id`: The gateway's id)"
    assert "this does not hold: `true`" == leaf_text("true", negated=True)
    negated = leaf_text('hold.reason == "x"', negated=True)
    assert "it is not so that the hold's reason is `x`" == negated


def test_a_condition_is_shown_as_it_was_written() -> None:
    """With its pipes: outside of tables they are only signs."""
    said = told("trigger = { to = 'held' }\ncondition = 'hold.foreign || hold.watched'")
    assert "The condition as it is written: `hold.foreign || hold.watched`" in said


def test_clauses_are_told_as_they_belong_together() -> None:
    """And, or and not become lists in lists."""
    text = "(hold.foreign || !(hold.watched)) && !(hold.alarms > 1 && hold.limit_passed)"
    assert [
        "- all of these hold:",
        "    - at least one of these holds:",
        "        - somebody else made the hold",
        "        - the hold is more than watched",
        "    - this does not hold:",
        "        - all of these hold:",
        "            - the number of alarms that the hold has raised is more than 1",
        "            - the limit has passed",
    ] == list(condition_lines(split(text)))


# --- triggers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (Pattern(state_to=("held",)), "the interaction enters `held`"),
        (
            Pattern(state_to=("held", "expired")),
            "the interaction enters `held` or `expired` from another state",
        ),
        (Pattern(state_from=("held",)), "the interaction leaves `held`"),
        (
            Pattern(event=("link_lost",), actor=("caller",)),
            "the event `link_lost` comes and `caller` caused it",
        ),
        (
            Pattern(outcome=("refused",), action=("hold",), actor=("limit",)),
            "a command (`hold`) of `limit` ends with the outcome `refused`",
        ),
        (Pattern(outcome=("refused",)), "a command ends with the outcome `refused`"),
        (Pattern(notice=("warning",)), "the hold nears its limit"),
        (
            Pattern(alarm=("release_failed",)),
            "an alarm says that a caller could not be released at the limit",
        ),
        (
            Pattern(event=("observed_held",), action=("hold",)),
            "the event `observed_held` comes and it is about `hold`",
        ),
    ],
)
def test_patterns_in_words(pattern: Pattern, words: str) -> None:
    """All parts of a pattern are told."""
    assert words == pattern_text(pattern)


def test_schedules_in_words() -> None:
    """Times of day with their zone, and what repeats."""
    (at,) = rules_of(rule('trigger = { schedule = "20:00", state = "held" }')).rules
    assert "at 20:00 (UTC), for interactions in `held`" == trigger_text(at.trigger)
    (every,) = rules_of(rule('trigger = { every = "2m", state = "expired" }')).rules
    assert "every 2 min while the interaction is in `expired`" == trigger_text(every.trigger)
    assert "x, for interactions in " == trigger_text(Trigger("x"))


# --- the document ---------------------------------------------------------------------------------


def test_a_rule_is_told_from_trigger_to_action() -> None:
    """When, how long, under which conditions, what it does, how often."""
    said = told(
        """
        description = "for *nobody*"
        trigger = { to = "held" }
        for = "80%"
        within = { event = "link_lost", last = "1m" }
        not_within = { to = "held", last = "10m" }
        count = { to = "held", last = "10m", at_least = 3 }
        once_within = "1h"
        mode = "restart"
        condition = "hold.foreign"
        """,
        '{ action = "notify", to = "boss", message = "{interaction.id} | on hold" }',
    )
    assert [
        "- **when** the interaction enters `held`",
        "- **and** that lasts until 80 % of the hold's limit",
        "- **and** in the 60 s before: the event `link_lost` comes",
        "- **and** not in the 10 min before: the interaction enters `held`",
        "- **and** at least 3 times in the last 10 min: the interaction enters `held`",
        "- **if:**",
        "    - somebody else made the hold",
        "- **then it:**",
        "    - tells `boss`: “{interaction.id} | on hold”",
        "- at most once in 60 min",
        "- Triggered again while it waits, it begins to wait anew.",
    ] == [line for line in said.splitlines() if line.lstrip().startswith("- ")][:11]
    assert "For `nobody`." in said
    assert "The condition as it is written: `hold.foreign`" in said
    assert "- `hold_pending` → `held` on `acknowledged`, `refused` or `observed_held`" in said


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (
            '{ action = "hold", reason = "queueing", music = "bach" }',
            "puts the caller on hold: reason `queueing`, priority 5, music `bach`",
        ),
        ('{ action = "unhold", priority = 7 }', "takes the caller off hold: priority 7"),
        (
            '{ action = "unhold", force = true }',
            "takes the caller off hold, also where the policy asks for a decision: priority 5",
        ),
        ('{ action = "expire" }', "lets the hold count as past its limit now"),
        (
            '{ action = "extend_limit", by = "5m", up_to = "25m" }',
            "gives the hold 5 min more, up to 25 min from its start",
        ),
        (
            '{ action = "annotate", text = "said" }',
            "writes into the journal and the audit log: “said”",
        ),
        ('{ action = "call", function = "f" }', "calls `f`"),
        (
            '{ action = "call", function = "f", arguments = { a = "{now}", b = 2, c = true } }',
            "calls `f` with `a` = “{now}”, `b` = `2`, `c` = `true`",
        ),
    ],
)
def test_actions_in_words(action: str, words: str) -> None:
    """Each action and its settings."""
    assert f"    - {words}\n" in told('trigger = { to = "held" }', action) + "\n"


def test_what_the_machine_makes_of_a_command() -> None:
    """In each state in which the rule may act; a busy interaction is waited for."""
    said = told('trigger = { to = ["held", "unhold_pending"] }', '{ action = "unhold" }')
    moves = "| `unhold` | `held` | otherwise | →\u00a0`unhold_pending` | The command is sent;"
    assert moves in said
    waits = "| `unhold` | `unhold_pending` |  | waits | Another command of this interaction is"
    assert waits in said
    assert "The engine lets it wait until that has ended." in said


def test_what_is_still_to_come_and_events_of_the_file() -> None:
    """A rule may wait for what does not happen; events that only a program knows are named."""
    text = '[events]\nagent_back = "The agent is back."\n' + rule(
        'trigger = { event = "agent_back" }\nnot_within = { to = "held", next = "30s" }'
    )
    document = document_of(text)
    said = section(document, "### Rule `one`")
    assert "- **and** not in the 30 s after: the interaction enters `held`" in said
    assert "`agent_back`: only your program tells of it, see [Events](#events)." in said
    assert "- While it waits, or its commands are under way, it is not triggered again." in said
    assert "| `agent_back` | The agent is back. |" in section(document, "## Events")


def test_rules_that_do_nothing_say_so() -> None:
    """Switched off or in shadow."""
    off = document_of(rule('trigger = { to = "held" }\nenabled = false'))
    assert "**It is switched off.**" in off.markdown
    assert "| switched off |" in section(off, "## The rules")
    shadow = document_of(rule('trigger = { to = "held" }\nshadow = true'))
    assert "**It is in shadow: it only says what it would do.**" in shadow.markdown
    assert "| in shadow |" in section(shadow, "## The rules")
    for document, word in ((off, "switched off"), (shadow, "in shadow")):
        (picture,) = document.pictures
        assert word in picture.mermaid
        assert " -.->" in picture.mermaid
        assert 'style="dashed"' in picture.dots[0]


def test_the_calendar_is_told() -> None:
    """Its zone, its hours, its holidays."""
    text = """
        [calendar]
        timezone = "Europe/Berlin"
        holidays = [2026-12-25]
        [calendar.hours]
        mon = ["08:00-12:00", "13:00-24:00"]
    """
    said = section(document_of(text + rule('trigger = { to = "held" }')), "## Calendar")
    assert "Times are those of `Europe/Berlin`." in said
    assert "| mon | 08:00 to 12:00 and 13:00 to 24:00 |" in said
    assert "| sun | closed |" in said
    assert "Closed on 2026-12-25." in said
    hours = "[calendar.hours]\nmon = '08:00-12:00'\n" + rule('trigger = { to = "held" }')
    assert "Closed on" not in section(document_of(hours), "## Calendar")
    holidays = "[calendar]\nholidays = [2026-12-25]\n" + rule('trigger = { to = "held" }')
    assert "| day |" not in section(document_of(holidays), "## Calendar")


def test_findings_and_place_stand_at_the_end() -> None:
    """What check finds, and which file it is."""
    document = document_of(rule('trigger = { to = "held" }', '{ action = "hold", reason = "q" }'))
    assert "`action_rejected`" in section(document, "## What check finds")
    origin = section(document, "## Where this comes from")
    assert "The rules file is `rules.toml`" in origin
    assert "The machine's definition is `specs/hold.toml`." in origin


def test_many_steps_are_counted() -> None:
    """A trigger that most steps fit is not told at length."""
    said = told('trigger = { from = ["active"] }')
    assert said.count("\n- `active` → ") == 3
    states = '["hold_pending"], to = ["active"], event = ["not_sent"]'
    one = told(f"trigger = {{ from = {states} }}")
    assert "- `hold_pending` → `active` on `not_sent`" in one


def test_steps_beyond_the_bound_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list has an end."""
    monkeypatch.setattr("hookflash.machines.documents.rules_writing.STEPS_MAX", 2)
    assert "- 1 further steps" in told('trigger = { from = ["active"] }')


# --- pictures -------------------------------------------------------------------------------------


def cookbook() -> str:
    """Return all rules of the cookbook as one file."""
    texts = [one.text for one in blocks_of(ROOT / "docs" / "rules.md") if one.mode == "rules"]
    names = set[str]()
    heads, rules = "", ""
    for text in texts:
        head, *parts = text.split("[[rule]]")
        heads += "" if head in heads else head
        for part in parts:
            (name,) = re.findall(r'name = "([^"]+)"', part)
            if name not in names:
                names.add(name)
                rules += f"[[rule]]{part}"
    return heads + rules


def test_the_cookbook_is_told_and_drawn() -> None:
    """Every rule stands in the document and in one picture; every link leads somewhere."""
    rules = rules_of(cookbook())
    document = rules_document(rules, "cookbook", check_rules(rules))
    anchors = {slug(one) for one in re.findall(r"^#+ (.*)$", document.markdown, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", document.markdown)) <= anchors
    for number, one in enumerate(rules.rules):
        assert f"### Rule `{one.name}`" in document.markdown
        picture = document.pictures[number // RULES_MAX]
        assert one.name in picture.mermaid
        assert one.name in picture.dots[0]
        assert one.name in picture.words
    assert document == rules_document(rules, "cookbook", check_rules(rules))


def test_many_rules_have_several_pictures() -> None:
    """One with all of them could not be followed."""
    parts = [
        rule('trigger = { to = "held" }').replace('"one"', f'"r{number}"')
        for number in range(RULES_MAX + 1)
    ]
    document = document_of("\n".join(parts))
    assert 2 == len(document.pictures)
    assert "## The pictures" in document.markdown


def picture_of(keys: str, actions: str = '{ action = "annotate", text = "x" }') -> Any:
    """Return the picture of one rule."""
    (picture,) = pictures_of(rules_of(rule(keys, actions)).rules, hold_spec())
    return picture


def test_pictures_say_what_sets_a_rule_off_and_where_it_leads() -> None:
    """States that are meant stand out; commands lead to states, all else to words."""
    unhold = picture_of('trigger = { to = "held" }\nfor = "5m"', '{ action = "unhold" }')
    assert 'c1(["held"])' in unhold.mermaid
    assert 'c1 -- "enters" --> r1' in unhold.mermaid
    assert 'r1["one<br/>for 5 min"]' in unhold.mermaid
    assert 'r1 -->|"unhold"| e1' in unhold.mermaid
    assert 'e1(["unhold_pending"])' in unhold.mermaid
    assert "<B>held</B>" in unhold.dots[0]
    assert "<B>closed</B>" not in unhold.dots[0]
    hold = picture_of('trigger = { to = "closed" }', '{ action = "hold", reason = "q" }')
    assert 'e1>"comes to nothing"]' in hold.mermaid


@pytest.mark.parametrize(
    ("keys", "parts"),
    [
        ('trigger = { event = "link_lost" }', ["any state", "event link_lost"]),
        ('trigger = { outcome = ["refused", "unknown"] }', ["outcome refused #8230;"]),
        ('trigger = { from = "held" }', ["leaves"]),
        ('trigger = { every = "2m", state = "expired" }', ["every 2 min"]),
        ('trigger = { schedule = ["08:00", "20:00"] }', ["at 08:00, 20:00"]),
        ('trigger = { to = "held" }\nfor = "80%"', ["until 80#37; of the limit"]),
        (
            'trigger = { to = "held" }\nwithin = { to = "expired", last = "1m" }',
            ["if it was so before"],
        ),
        (
            'trigger = { to = "active" }\nnot_within = { to = "held", next = "30s" }',
            ["if nothing comes for 30 s"],
        ),
        (
            'trigger = { to = "held" }\ncondition = "hold.foreign"',
            ["if its condition holds"],
        ),
    ],
)
def test_labels_of_pictures(keys: str, parts: list[str]) -> None:
    """In a few words each."""
    mermaid = picture_of(keys).mermaid
    for part in parts:
        assert part in mermaid


def test_what_rules_tell_stands_in_pictures() -> None:
    """Whom they tell, what they call, later limits."""
    actions = (
        '{ action = "notify", to = "boss", message = "m" },'
        '{ action = "call", function = "f" },'
        '{ action = "extend_limit", by = "5m" }'
    )
    mermaid = picture_of('trigger = { to = "held" }', actions).mermaid
    for words in ("tells boss", "calls f", "a later limit"):
        assert f'>"{words}"]' in mermaid
