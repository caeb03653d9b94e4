"""Walkthroughs in words: what happens, what the machine decides, what it asks for."""

from collections.abc import Iterator
from typing import Any

from hookflash.machines.diagrams.words import duration_text
from hookflash.machines.documents.docstrings import fields_of
from hookflash.machines.documents.markdown import bullets, code, codes, link, prose, sentence, table
from hookflash.machines.documents.payloads import said_by, value_text
from hookflash.machines.documents.walking import Walk, Walked
from hookflash.machines.effects import StartTimer, StopTimer

SECTION = "What happens when"


def told(walks: tuple[Walk, ...]) -> Iterator[str]:
    """Return the lines of the section with all walkthroughs; none where there are none."""
    if not walks:
        return
    yield f"## {SECTION}"
    yield ""
    yield (
        "Each answer below was given by the machine itself: these events were put to it when this"
        " page was made. Times count from the first event of the story, including those named after"
        " “It begins in …”; how long timers take is as the settings say. What the words under “it"
        f" asks for” mean is under {link('Requests', 'Requests')}. What stands below a table is not"
        " the machine's answer but a remark about it."
    )
    yield ""
    yield from bullets(
        link(prose(walk.walkthrough.title), walk.walkthrough.title) for walk in walks
    )
    yield ""
    for walk in walks:
        yield from _walk(walk)


def _walk(walk: Walk) -> Iterator[str]:
    told = walk.walkthrough
    yield f"### {prose(told.title)}"
    yield ""
    yield " ".join(_given(walk))
    yield ""
    yield f"In short: {_way(walk)}."
    yield ""
    yield from table(
        ("at", "what happens", "what the machine decides", "what it asks for"),
        (_row(walk, one) for one in walk.steps),
    )
    if told.remark:
        yield prose(sentence(told.remark))
        yield ""


def _given(walk: Walk) -> Iterator[str]:
    if walk.walkthrough.given:
        yield prose(sentence(walk.walkthrough.given))
    if walk.before:
        came = codes(one.name for one in walk.before)
        yield f"It begins in {code(walk.steps[0].source)}, after {came}."
    policy: Any = walk.machine.policy
    usual = walk.machine.implementation.policy()
    differing = [
        f"{code(one.name)} {value_text(getattr(policy, one.name), one.name)}"
        for one in fields_of(policy.__class__)
        if getattr(policy, one.name) != getattr(usual, one.name)
    ]
    yield f"Settings: {', '.join(differing) or 'as they are by default'}."


def _way(walk: Walk) -> str:
    """Say which states it goes through, and when it enters each."""
    states = [
        code(walk.steps[0].source),
        *(
            f"{code(one.target)} at {clock_text(one.at)}"
            for one in walk.steps
            if one.target != one.source
        ),
    ]
    return " → ".join(states) if len(states) > 1 else f"{states[0]} all the time"


def _row(walk: Walk, one: Walked) -> tuple[str, ...]:
    event = link(code(one.name), f"Event {one.name}")
    said = said_by(one.event, walk.ids.__contains__)
    return (
        clock_text(one.at),
        f"{prose(sentence(one.words))}<br>{event}{': ' + said if said else ''}",
        f"**{_decision(one)}**<br>{prose(sentence(one.step.transition.reason))}",
        "<br>".join(_requests(walk, one)),
    )


def _decision(one: Walked) -> str:
    row, state = one.step.transition, code(one.source)
    match row.decision:
        case "move":
            return f"{state} → {code(one.target)}"
        case "stay":
            return f"stays {state}"
        case "late":
            return f"late, stays {state}"
        case "ignore":
            return f"ignored, stays {state}"
        case _:  # reject
            return f"rejected with {code(str(row.error))}, stays {state}"


def _requests(walk: Walk, one: Walked) -> Iterator[str]:
    """Say what the machine asks for; a timer that is stopped to be started is only started."""
    started = {effect.timer.name for effect in one.step.effects if isinstance(effect, StartTimer)}
    for effect in one.step.effects:
        match effect:
            case StartTimer():
                pause_us = effect.timer.due_at - getattr(one.event, "at", effect.timer.due_at)
                text = duration_text(pause_us / 1e6)
                yield f"starts the timer {code(effect.timer.name)}: {text}"
            case StopTimer():
                if effect.name not in started:
                    yield f"stops the timer {code(effect.name)}"
            case _:
                yield _request(walk, effect)


def _request(walk: Walk, effect: Any) -> str:  # noqa: ANN401 - any effect
    name = link(code(type(effect).__name__), f"Request {type(effect).__name__}")
    said = said_by(effect, walk.ids.__contains__)
    return f"{name}{': ' + said if said else ''}"


def clock_text(at_us: int) -> str:
    """Return a time since the beginning: `0.05 s`, `5.1 s`, `14 min 58.3 s`, `1 h 2 s`.

    Tenths of a second tell events apart that follow each other at once. Its blanks do not break.
    """
    tenths = round(at_us / 100_000)
    if at_us < 1_000_000:
        said = f"{at_us / 1e6:.2g} s"
    else:
        parts = ((tenths // 36_000, "h"), (tenths // 600 % 60, "min"), (tenths % 600 / 10, "s"))
        said = " ".join(f"{number:g} {unit}" for number, unit in parts if number)
    return said.replace(" ", "\u00a0")
