"""What a wire recording says that is to happen, in an order that can be played.

A recording has things of three kinds: what the client did, which a replay waits for; what the
gateway did, which it does; and the commands that somebody gave, which it gives. Their order is
that of the file, but for the commands: the machine saw them later than they were given.
"""

from bisect import bisect_left
from collections import defaultdict, deque
from typing import Any, Final

import attrs
from attrs import frozen

from hookflash.adapters.wire.entries import (
    Asked,
    CommandGiven,
    Known,
    Opening,
    OpeningFailed,
    OpeningRefused,
    Sent,
    Unanswered,
    WireEntry,
)
from hookflash.adapters.wire.placeholders import is_placeholder
from hookflash.adapters.wire.reading import WireRecording
from hookflash.machines.instants import Instant

CLIENT_SIDE: Final = (Opening, Asked, Sent)
"""What the client does by itself, where it does the same again."""

DERIVED_BEFORE_US: Final = 5_000_000
"""How long before a frame its lookup may have been asked for: the time a lookup may take."""

Key = tuple[str, ...]


@frozen
class Cue:
    """One thing that is to happen.

    Attributes:
        index: Its place among the entries of the recording; of a command that was derived from
            a frame, that of the frame.
        at: When, in microseconds from the beginning of the recording.
        entry: What.
    """

    index: int
    at: int
    entry: WireEntry


@frozen
class Script:
    """What is to happen.

    Attributes:
        cues: In order.
        known: The interactions that were known at the beginning.
        refusals: How attempts at a control socket ended that came to nothing, by their number.
        unanswered: The requests that got no answer, by their number, and why.
        last_opening: The index of the last attempt at a control socket; -1 for none.
        notes: What of the recording cannot be played, each with its place.
    """

    cues: tuple[Cue, ...]
    known: tuple[Known, ...]
    refusals: dict[int, OpeningFailed | OpeningRefused]
    unanswered: dict[int, str]
    last_opening: int
    notes: tuple[str, ...]


def script_of(recording: WireRecording) -> Script:
    """Return what *recording* says that is to happen."""
    begin = recording.header.created
    cues = [
        Cue(index, entry.at - begin, entry)
        for index, entry in enumerate(recording.entries)
        if not isinstance(entry, Known | CommandGiven)
    ]
    notes = list(recording.notes)
    is_client = recording.header.side == "client"
    given = _given(recording, notes) if is_client else _derived(recording)
    times = [cue.at for cue in cues]
    places = [(bisect_left(times, cue.at), cue) for cue in given]
    for place, cue in sorted(places, key=lambda one: (one[0], one[1].at), reverse=True):
        cues.insert(place, cue)
    entries = recording.entries
    return Script(
        tuple(cues),
        tuple([one for one in entries if isinstance(one, Known)]),
        {one.conn: one for one in entries if isinstance(one, OpeningFailed | OpeningRefused)},
        {one.exchange: one.problem for one in entries if isinstance(one, Unanswered)},
        max((i for i, one in enumerate(entries) if isinstance(one, Opening)), default=-1),
        tuple(notes),
    )


def _given(recording: WireRecording, notes: list[str]) -> list[Cue]:
    """Return the commands that were recorded, at the time when they were given."""
    begin = recording.header.created
    given: list[Cue] = []
    for index, entry in enumerate(recording.entries):
        if not isinstance(entry, CommandGiven):
            continue
        if (
            is_placeholder(entry.interaction)
            or is_placeholder(entry.reason)
            or entry.priority is None
        ):
            notes.append(
                f"{recording.place(index)}: the command is not given: what was said in it was not"
                " kept"
            )
            continue
        given.append(Cue(index, entry.requested_at - begin, entry))
    return given


def _derived(recording: WireRecording) -> list[Cue]:
    """Return the commands that a gateway's recording lets guess: one for each frame.

    A frame that repeats the last one of its interaction before that was answered is what a client
    sends by itself. A command was given before its lookup was asked for.
    """
    begin = recording.header.created
    given: list[Cue] = []
    asked: dict[str, Instant] = {}
    waiting: dict[str, tuple[str, str]] = {}
    for index, entry in enumerate(recording.entries):
        if isinstance(entry, Asked) and entry.interaction is not None:
            asked.setdefault(entry.interaction.lower(), entry.at)
        frame: Any = getattr(entry, "frame", None)
        if frame is None:
            continue
        found = frame_of(frame)
        if isinstance(entry, Sent) and found is not None:
            action, interaction_id, correlation_id = found
            key = interaction_id.lower()
            if waiting.get(key, ("", ""))[0] != action:
                at = asked.get(key, entry.at)
                at = at if entry.at - at <= DERIVED_BEFORE_US else entry.at
                given.append(Cue(index, at - begin - 1, _command(frame, entry.at)))
            waiting[key] = action, correlation_id
            asked.pop(key, None)
        else:
            for key, (_, correlation_id) in list(waiting.items()):
                if correlation_id == frame.get("correlationId"):
                    del waiting[key]
    return given


def _command(frame: dict[str, Any], at: Instant) -> CommandGiven:
    body = frame["body"]
    priority = body.get("priority")
    return CommandGiven(
        at,
        frame["correlationId"],
        body["type"],
        body["interactionId"],
        at,
        "caller",
        priority if priority.__class__ is int else 5,
        body.get("holdReason"),
        body.get("holdMusic"),
        body.get("holdPrompt"),
    )


def frame_of(frame: dict[str, Any]) -> tuple[str, str, str] | None:
    """Return action, interaction and correlation id of a client's frame; None for another."""
    body: Any = frame.get("body")
    if body.__class__ is not dict:
        return None
    action, interaction_id = body.get("type"), body.get("interactionId")
    correlation_id = frame.get("correlationId")
    if action not in {"hold", "unhold"}:
        return None
    if not isinstance(interaction_id, str) or not isinstance(correlation_id, str):
        return None
    return action, interaction_id, correlation_id


def key_of(entry: WireEntry) -> Key | None:
    """Return what a thing that the client does is recognised by; None for anything else."""
    match entry:
        case Opening():
            return ("opening",)
        case Asked():
            return ("asked", entry.to, (entry.interaction or "").lower())
        case Sent():
            found = None if entry.frame is None else frame_of(entry.frame)
            return None if found is None else ("sent", found[0], found[1].lower())
        case _:
            return None


@attrs.define
class Expected:
    """The things that the client is expected to do, by what they are recognised by.

    Attributes:
        cues: Those that did not happen yet, in order.
    """

    cues: dict[Key, deque[Cue]]

    @classmethod
    def of(cls, script: Script) -> "Expected":
        """Return all that *script* expects."""
        cues: dict[Key, deque[Cue]] = defaultdict(deque)
        for cue in script.cues:
            key = key_of(cue.entry)
            if key is not None and isinstance(cue.entry, CLIENT_SIDE):
                cues[key].append(cue)
        return cls(cues)

    def take(self, key: Key, before: int) -> Cue | None:
        """Take the next one of its kind; None where there is none that is due *before* then."""
        waiting = self.cues.get(key)
        if not waiting or waiting[0].at > before:
            return None
        return waiting.popleft()

    def give_up(self, cue: Cue) -> None:
        """Expect it no longer."""
        key = key_of(cue.entry)
        if key is not None and cue in self.cues.get(key, ()):
            self.cues[key].remove(cue)
