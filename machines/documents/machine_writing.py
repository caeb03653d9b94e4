"""The document of a machine: all that its definition says, in an order in which it can be read."""

from collections.abc import Iterator, Mapping
from typing import Any

from hookflash.machines.diagrams.describing import describe
from hookflash.machines.diagrams.dot import ARRANGEMENTS, to_dot
from hookflash.machines.diagrams.drawing import Drawing
from hookflash.machines.diagrams.mermaid import to_mermaid
from hookflash.machines.documents.docstrings import description, summary
from hookflash.machines.documents.document import Document, Picture, fenced
from hookflash.machines.documents.findings import check_section
from hookflash.machines.documents.markdown import (
    bullets,
    code,
    counted,
    link,
    prose,
    sentence,
    table,
)
from hookflash.machines.documents.payloads import (
    classes_in,
    event_table,
    payload_table,
    settings_table,
)
from hookflash.machines.documents.rows import (
    decision_table,
    rows_table,
)
from hookflash.machines.documents.states import states_section, timers_section
from hookflash.machines.documents.tested import SECTION as TESTS
from hookflash.machines.documents.tested import tested
from hookflash.machines.documents.told import SECTION as STORIES
from hookflash.machines.documents.told import told
from hookflash.machines.documents.traceability import Traceability
from hookflash.machines.documents.walking import Walk, walk
from hookflash.machines.machine import Machine
from hookflash.machines.proof import Report
from hookflash.machines.proof_world import Samples
from hookflash.machines.spec import Spec

_READING = (
    """A machine is told what happened, an **event**, and answers what it decides: whether it goes
    to another **state**, and what it asks for. What it decides depends on the state that it is in,
    and on **guards**: questions about the interaction, the event and the settings. One such
    decision is a **row**. Where there are several rows for one state and one event, the first whose
    guards all hold is taken.""",
    """A machine does nothing by itself. It asks for what is to be done (**requests**: send a frame,
    start a timer), and whoever runs it does that and tells it what came of it. **Effects** are the
    steps by which a row makes its requests and remembers what it has to.""",
    "An **instant** is a moment in UTC, to the microsecond.",
)
_DECISIONS = (
    ("→ `state`", "goes to that state"),
    ("stays", "legal and meant; the state stays, what the row does is done"),
    ("late", "legal, but about something that is over; the state stays"),
    ("ignored", "legal and without meaning, such as a duplicate; the state stays"),
    ("rejected: `Error`", "answered with that error; the state stays"),
    ("counts `name`", "whoever runs the machine counts one more under that name"),
    ("otherwise", "where none of the rows above it is taken for that state"),
)


def machine_document(
    machine: Machine[Any, Any],
    report: Report,
    samples: Samples | None,
    traceability: Traceability | None = None,
) -> Document:
    """Write the document of a machine.

    Args:
        machine: The machine; durations and settings are those of its policy.
        report: What was proved of it.
        samples: Its samples, whose walkthroughs are told; None where it has none.
        traceability: Which tests exercise which rows; None where that was not recorded.

    Returns:
        The document; for the same arguments always the same.

    Raises:
        SpecError: A walkthrough cannot be walked; the message names it.
    """
    drawing = describe(machine)
    dots = tuple(to_dot(drawing, "brief", arrangement=one) for one in ARRANGEMENTS)
    picture = Picture(to_mermaid(drawing, "brief", direction="LR"), dots, _seen(drawing), drawing)
    walks = () if samples is None else tuple(walk(machine, samples))
    words: Mapping[str, str] = {} if samples is None else samples.words
    lines = _Writing(machine, picture, walks, words).lines(report, traceability)
    spec = machine.spec
    return Document(spec.name, f"The machine {spec.name}", "\n".join(lines) + "\n", (picture,))


def _seen(drawing: Drawing) -> str:
    states = ", ".join(box.name for box in drawing.boxes)
    return f"The states of {drawing.spec.name} and what leads from one to another: {states}."


class _Writing:
    def __init__(
        self,
        machine: Machine[Any, Any],
        picture: Picture,
        walks: tuple[Walk, ...],
        words: Mapping[str, str],
    ) -> None:
        self.machine, self.picture, self.walks, self.words = machine, picture, walks, words
        self.spec: Spec = machine.spec
        self.implementation = machine.implementation

    def lines(self, report: Report, traceability: Traceability | None) -> Iterator[str]:
        spec = self.spec
        yield f"# The machine {code(spec.name)}"
        yield ""
        yield prose(sentence(spec.doc))
        yield ""
        yield f"*Made by `hookflash docs`; a change here is lost. {self._sizes()}*"
        yield ""
        yield from self._contents()
        yield from self._reading()
        yield from self._drawn()
        yield from told(self.walks)
        yield from states_section(self.machine)
        yield from timers_section(self.machine)
        yield from self._decisions()
        yield from self._events()
        yield from self._guards()
        yield from self._effects()
        yield from self._requests()
        yield from self._remembered()
        yield from tested(spec, traceability)
        yield from check_section(report)
        yield from self._origin()

    def _sizes(self) -> str:
        spec = self.spec
        sizes = (
            counted(len(spec.states), "state"),
            counted(len(spec.events), "event"),
            counted(len(spec.timers), "timer"),
            counted(len(spec.rows), "row"),
        )
        return f"{', '.join(sizes)}."

    def _contents(self) -> Iterator[str]:
        sections = [
            ("Words", "How to read this page"),
            ("The picture", "what leads where"),
            *([(STORIES, "questions that people ask, answered by the machine")] * bool(self.walks)),
            ("States", "what they mean, how they are entered and left"),
            *([("Timers", "how long they take, what they do")] * bool(self.spec.timers)),
            ("Decisions", "every state and every event at a glance"),
            ("Events", "where they come from, what they carry, every row in full"),
            *([("Guards", "what rows depend on")] * bool(self.implementation.guards)),
            *([("Effects", "what rows do")] * bool(self.implementation.effects)),
            *([("Requests", "what the machine asks for")] * bool(self.implementation.produces)),
            ("What it remembers", "its data and its settings"),
            (TESTS, "which of them exercise which rows"),
            ("What was proved", "and what that takes for granted"),
            ("Where this comes from", ""),
        ]
        words = {"Words": "what the words mean"}
        yield from bullets(
            link(name, name) + (f": {words.get(name, says)}" if says else "")
            for name, says in sections
        )
        yield ""

    def _reading(self) -> Iterator[str]:
        yield "## Words"
        yield ""
        for paragraph in _READING:
            yield " ".join(paragraph.split())
            yield ""
        yield from table(("a row says", "which means"), _DECISIONS)
        yield from table(
            ("word", "meaning"), ((prose(word), prose(said)) for word, said in self.words.items())
        )

    def _drawn(self) -> Iterator[str]:
        yield "## The picture"
        yield ""
        yield from fenced(self.picture)
        hops = self.picture.drawing.story.hops if self.picture.drawing else ()
        if hops:
            way = "".join(f", {code(event)} → {code(state)}" for _, event, state in hops)
            yield f"The normal path, which stands out: {code(hops[0][0])}{way}."
            yield ""

    # --- decisions ------------------------------------------------------------------------------

    def _decisions(self) -> Iterator[str]:
        yield "## Decisions"
        yield ""
        yield (
            "Where a cell has several decisions, guards choose between them, in this order. Each"
            " event leads to its rows in full."
        )
        yield ""
        yield from decision_table(self.spec)

    def _events(self) -> Iterator[str]:
        yield "## Events"
        yield ""
        for name, event in self.spec.events.items():
            cls = self.implementation.events[name]
            yield f"### Event {code(name)}"
            yield ""
            yield prose(sentence(event.doc))
            yield ""
            yield f"From: {self._origin_of(name)}."
            yield ""
            yield from rows_table(self.spec, name)
            said = summary(cls)
            yield f"Carried by {code(cls.__name__)}{': ' + prose(said) if said else '.'}"
            yield ""
            yield from event_table(cls)

    def _origin_of(self, event: str) -> str:
        spec = self.spec
        timers = [name for name, timer in spec.timers.items() if timer.event == event]
        if timers:
            return f"the timer {' or '.join(code(name) for name in timers)}, when it is due"
        origin = spec.events[event].origin
        answers = [name for name, events in spec.check.answers.items() if event in events]
        if origin:
            return prose(origin)
        if answers:
            return f"whoever carries out {' or '.join(code(name) for name in answers)}"
        return "whoever runs the machine"

    # --- what rows are made of ------------------------------------------------------------------

    def _guards(self) -> Iterator[str]:
        guards = {
            name: guard
            for name, guard in self.implementation.guards.items()
            if any(name in row.guards for row in self.spec.rows)
        }
        yield from self._named("Guards", "guard", "what it asks", guards, "guards")

    def _effects(self) -> Iterator[str]:
        effects = {
            name: effect
            for name, effect in self.implementation.effects.items()
            if any(name in row.effects for row in self.spec.rows)
        }
        yield from self._named("Effects", "effect", "what it does", effects, "effects")

    def _named(
        self, title: str, kind: str, column: str, functions: dict[str, Any], attribute: str
    ) -> Iterator[str]:
        if not functions:
            return
        yield f"## {title}"
        yield ""
        yield from table(
            (kind, column, "on"),
            (
                (code(name), prose(description(function)), self._events_with(name, attribute))
                for name, function in functions.items()
            ),
        )

    def _events_with(self, name: str, attribute: str) -> str:
        found = dict.fromkeys(
            row.event for row in self.spec.rows if name in getattr(row, attribute)
        )
        return ", ".join(link(code(event), f"Event {event}") for event in found)

    def _requests(self) -> Iterator[str]:
        produced = self.implementation.produces
        if not produced:
            return
        yield "## Requests"
        yield ""
        yield "What the machine asks of whoever runs it."
        yield ""
        for cls in produced:
            yield f"### Request {code(cls.__name__)}"
            yield ""
            yield prose(summary(cls))
            yield ""
            answers = self.spec.check.answers.get(cls.__name__, ())
            if answers:
                events = [link(code(event), f"Event {event}") for event in answers]
                yield f"It is answered by {' or '.join(events)}."
                yield ""
            yield from payload_table(cls)

    def _remembered(self) -> Iterator[str]:
        yield "## What it remembers"
        yield ""
        made: Any = self.implementation.data()
        data: type[Any] = made.__class__
        yield prose(summary(data)) or "Nothing beside its state."
        yield ""
        yield from payload_table(data)
        for cls in classes_in(data):
            yield f"{code(cls.__name__)}: {prose(summary(cls))}"
            yield ""
            yield from payload_table(cls)
        yield "### Settings"
        yield ""
        yield prose(summary(type(self.machine.policy)))
        yield ""
        yield from settings_table(self.machine.policy)

    def _origin(self) -> Iterator[str]:
        spec = self.spec
        yield "## Where this comes from"
        yield ""
        facts = [
            f"The definition is {code(spec.place)}; its hash is {code(spec.digest)}.",
            f"What its names mean is in the Python module {code(spec.implementation)}.",
        ]
        if self.walks:
            facts.append(
                f"The questions under “{STORIES}” are those of {code(spec.check.samples or '')}."
            )
        yield from bullets(facts)
