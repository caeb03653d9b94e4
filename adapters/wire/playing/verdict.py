"""Comparing what the client did when it was recorded with what it does now."""

from collections import defaultdict
from typing import Any, Final, Literal

import orjson
from attrs import frozen

from hookflash.adapters.wire.entries import (
    Answered,
    Asked,
    CommandEnded,
    ForeignChange,
    Opened,
    OpeningFailed,
    OpeningRefused,
    Sent,
    Unanswered,
    WireEntry,
)

What = Literal["frames", "lookups", "outcomes", "foreign", "link", "tokens"]
"""What of an interaction is compared, or of the connection to the gateway."""

LINK: Final = ""
"""Stands for the interaction where something concerns none."""

_IDS: Final = frozenset({"correlationId", "interactionId"})


@frozen
class Fact:
    """One thing that the client did or found, and the line that says so."""

    text: str
    line: int


Facts = dict[tuple[str, What], list[Fact]]


@frozen
class WireDifference:
    """One thing that is not as recorded.

    Attributes:
        interaction_id: The interaction; empty for the connection.
        what: What of it: frames it sent, lookups, outcomes of commands, foreign changes; the
            connection's attempts, or tokens.
        number: Which of them, from 1.
        recorded: As recorded; None where there was no more.
        now: As it is now; None where there is no more.
        line: The line of the recording; 0 where it has none.
    """

    interaction_id: str
    what: What
    number: int
    recorded: str | None
    now: str | None
    line: int

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            "interaction": self.interaction_id or None,
            "what": self.what,
            "number": self.number,
            "recorded": self.recorded,
            "now": self.now,
            "line": self.line or None,
        }


@frozen
class WireVerdict:
    """What came of a replay.

    Attributes:
        path: The recording.
        differences: What is not as recorded, by interaction, the first of each kind; always empty
            with troubles, which change what happens.
        wrong: Interactions about which the engine is wrong at the end: id, what the gateway has,
            what the engine has.
        unended: Commands that were given and have no outcome, by interaction and action.
        counts: How many `frames`, `messages`, `requests`, `commands` and `interactions` were
            played, and how many `faults` were put in.
        seconds: Length of the recording, in seconds.
        seed: What decided about the troubles; None without.
        notes: What of the recording could not be played.
        guessed: Whether commands were guessed from frames: nothing was compared then.
    """

    path: str
    differences: tuple[WireDifference, ...]
    wrong: tuple[tuple[str, str, str], ...]
    unended: tuple[tuple[str, str], ...]
    counts: dict[str, int]
    seconds: float
    seed: int | None = None
    notes: tuple[str, ...] = ()
    guessed: bool = False

    @property
    def same(self) -> bool:
        """Whether nothing is to be said against it."""
        return not (self.differences or self.wrong or self.unended)

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            "recording": self.path,
            "same": self.same,
            **self.counts,
            "seconds": round(self.seconds, 3),
            "seed": self.seed,
            "differences": [one.to_json() for one in self.differences],
            "wrong": [
                {"interaction": one, "gateway": truth, "engine": belief}
                for one, truth, belief in self.wrong
            ],
            "unended": [{"interaction": one, "action": action} for one, action in self.unended],
            "notes": list(self.notes),
        }


def facts_of(entries: tuple[WireEntry, ...]) -> Facts:
    """Return what the client did and found, by interaction."""
    facts: Facts = defaultdict(list)
    asked: dict[int, Asked] = {}
    for line, entry in enumerate(entries, 2):
        match entry:
            case Asked():
                asked[entry.exchange] = entry
            case Answered() | Unanswered():
                _add_answer(facts, asked.get(entry.exchange), entry, line)
            case Sent(frame=dict() as frame):
                body: dict[str, Any] = frame.get("body") or {}
                told = {name: one for name, one in body.items() if name not in _IDS}
                key = str(body.get("interactionId")).lower()
                facts[key, "frames"].append(Fact(orjson.dumps(told).decode(), line))
            case Opened():
                facts[LINK, "link"].append(Fact("opened", line))
            case OpeningRefused():
                facts[LINK, "link"].append(Fact(f"refused with {entry.status}", line))
            case OpeningFailed(problem=problem) if problem != "cancelled":
                facts[LINK, "link"].append(Fact("failed", line))
            case CommandEnded() if entry.outcome != "invalid":
                by = " by the limit" if entry.actor == "limit" else ""
                state = f", {entry.state}" if entry.state else ""
                text = f"{entry.action}{by}: {entry.outcome}{state}"
                facts[entry.interaction.lower(), "outcomes"].append(Fact(text, line))
            case ForeignChange():
                text = f"{entry.action} by somebody else: {entry.state}"
                facts[entry.interaction.lower(), "foreign"].append(Fact(text, line))
            case _:
                pass
    return facts


def _add_answer(facts: Facts, asked: Asked | None, entry: Answered | Unanswered, line: int) -> None:
    if asked is None or (isinstance(entry, Unanswered) and entry.problem == "cancelled"):
        return
    text = f"status {entry.status}" if isinstance(entry, Answered) else "no answer"
    if asked.to == "token":
        facts[LINK, "tokens"].append(Fact(text, line))
    else:
        facts[(asked.interaction or "").lower(), "lookups"].append(Fact(text, line))


def differences_between(recorded: Facts, now: Facts) -> tuple[WireDifference, ...]:
    """Return where they differ: of each interaction and kind the first difference."""
    found: list[WireDifference] = []
    for key in sorted(recorded.keys() | now.keys()):
        before, after = recorded.get(key, []), now.get(key, [])
        for index in range(max(len(before), len(after))):
            one = before[index] if index < len(before) else None
            other = after[index] if index < len(after) else None
            if one is None or other is None or one.text != other.text:
                found.append(
                    WireDifference(
                        *key,
                        index + 1,
                        None if one is None else one.text,
                        None if other is None else other.text,
                        0 if one is None else one.line,
                    )
                )
                break
    return tuple(found)
