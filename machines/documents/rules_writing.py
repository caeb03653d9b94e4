"""The document of a rules file: each rule in words, and where it stands in the machine."""

from collections.abc import Iterator

from hookflash.machines.documents.document import Document, Picture, fenced
from hookflash.machines.documents.findings import findings_lines
from hookflash.machines.documents.markdown import (
    bullets,
    code,
    counted,
    link,
    listed,
    prose,
    sentence,
    table,
)
from hookflash.machines.documents.rows import decision_text, guards_text, is_else
from hookflash.machines.documents.rule_words import (
    MODES,
    action_text,
    condition_lines,
    is_quiet,
    pattern_text,
    stay_text,
    trigger_text,
    unknown_events,
    us_text,
    window_text,
)
from hookflash.machines.documents.rules_picture import pictures_of
from hookflash.machines.findings import Finding
from hookflash.machines.rules.actions import COMMANDS
from hookflash.machines.rules.calendar import WEEKDAYS, Span
from hookflash.machines.rules.checking import WAITED_FOR
from hookflash.machines.rules.loops import REQUESTS, firing_states
from hookflash.machines.rules.rule import Pattern, Rule
from hookflash.machines.rules.ruleset import Rules
from hookflash.machines.spec import Row

STEPS_MAX = 12
"""Steps of the machine that are named for a trigger; beyond that only how many there are."""


def rules_document(rules: Rules, name: str, findings: tuple[Finding, ...]) -> Document:
    """Write the document of a rules file.

    Args:
        rules: The rules.
        name: What the file is called, without its ending.
        findings: What `hookflash check` says of it.

    Returns:
        The document; for the same arguments always the same.
    """
    pictures = tuple(pictures_of(rules.rules, rules.names.machine))
    lines = _Writing(rules, name, pictures).lines(findings)
    return Document(name, f"The rules {name}", "\n".join(lines) + "\n", pictures)


class _Writing:
    def __init__(self, rules: Rules, name: str, pictures: tuple[Picture, ...]) -> None:
        self.rules, self.name, self.pictures = rules, name, pictures
        self.machine = rules.names.machine

    def lines(self, findings: tuple[Finding, ...]) -> Iterator[str]:
        rules = self.rules
        yield f"# The rules {code(self.name)}"
        yield ""
        machine = code(self.machine.name)
        count = counted(len(rules.rules), "rule")
        yield f"What happens around holds beside what the machine {machine} does: {count}."
        yield ""
        yield "*Made of the rules file by `hookflash docs`; a change here is lost.*"
        yield ""
        yield from self._overview()
        yield from self._pictures()
        yield "## Each rule in words"
        yield ""
        for rule in rules.rules:
            yield from self._rule(rule)
        yield from self._calendar()
        yield from self._events()
        yield "## What check finds"
        yield ""
        yield from findings_lines(findings)
        yield "## Where this comes from"
        yield ""
        yield f"The rules file is {code(rules.place)}; its hash is {code(rules.digest)}."
        yield ""
        yield f"The machine's definition is {code(self.machine.place)}."

    def _overview(self) -> Iterator[str]:
        yield "## The rules"
        yield ""
        yield (
            "They act in this order. Where two would change the interaction on one event, the first"
            " one counts."
        )
        yield ""
        yield from table(
            ("rule", "what it is for", "when", "acts"),
            (
                (
                    link(code(rule.name), f"Rule {rule.name}"),
                    prose(rule.description),
                    _when(rule),
                    ""
                    if not is_quiet(rule)
                    else "switched off"
                    if not rule.enabled
                    else "in shadow",
                )
                for rule in self.rules.rules
            ),
        )

    def _pictures(self) -> Iterator[str]:
        yield "## The picture" if len(self.pictures) == 1 else "## The pictures"
        yield ""
        yield (
            "On the left the states in which a rule is set off, on the right the states that its"
            " commands lead to when all goes well, and who is told."
        )
        yield ""
        for picture in self.pictures:
            yield from fenced(picture)

    # --- one rule -------------------------------------------------------------------------------

    def _rule(self, rule: Rule) -> Iterator[str]:
        yield f"### Rule {code(rule.name)}"
        yield ""
        if rule.description:
            yield prose(sentence(rule.description))
            yield ""
        quiet = is_quiet(rule)
        if quiet:
            yield f"**{quiet}**"
            yield ""
        yield from bullets(self._conditions(rule))
        if rule.condition is not None:
            yield "- **if:**"
            yield from condition_lines(rule.condition.tree, 4)
        yield "- **then it:**"
        yield from bullets((action_text(action) for action in rule.actions), 4)
        yield from bullets(self._limits(rule))
        yield ""
        if rule.condition is not None:
            yield f"The condition as it is written: {code(rule.condition.text)}"
            yield ""
        yield from self._in_the_machine(rule)

    def _conditions(self, rule: Rule) -> Iterator[str]:
        yield f"**when** {trigger_text(rule.trigger)}"
        if rule.stay is not None:
            yield f"**and** that lasts {stay_text(rule.stay)}"
        for window in rule.windows:
            yield f"**and** {window_text(window)}"
        if rule.absence is not None:
            what = pattern_text(rule.absence.pattern)
            yield f"**and** not in the {us_text(rule.absence.next_us)} after: {what}"

    def _limits(self, rule: Rule) -> Iterator[str]:
        if rule.once_within_us is not None:
            yield f"at most once in {us_text(rule.once_within_us)}"
        if rule.waits() or any(action.name in COMMANDS for action in rule.actions):
            yield MODES[rule.mode]

    def _in_the_machine(self, rule: Rule) -> Iterator[str]:
        steps = list(self._steps(rule.trigger.pattern))
        if steps:
            yield "These steps of the machine set it off:"
            yield ""
            yield from bullets(steps)
            yield ""
        own = unknown_events(rule, self.machine)
        if own:
            events = listed([code(name) for name in own])
            yield f"{events}: only your program tells of it, see {link('Events', 'Events')}."
            yield ""
        states = firing_states(rule, self.machine)
        rows = [
            self._row(action.name, row)
            for action in rule.actions
            if action.name in REQUESTS
            for row in self._rows(REQUESTS[action.name], states)
        ]
        if rows:
            yield "What the machine makes of what it asks for:"
            yield ""
        yield from table(("its action", "in", "if", "decision", "because"), rows)

    def _row(self, action: str, row: Row) -> tuple[str, ...]:
        waits = row.error in WAITED_FOR
        reason = prose(sentence(row.reason))
        return (
            code(action),
            code(row.source),
            guards_text(row.guards, is_else=is_else(self.machine, row)),
            "waits" if waits else decision_text(row),
            f"{reason} The engine lets it wait until that has ended." if waits else reason,
        )

    def _rows(self, event: str, states: frozenset[str]) -> Iterator[Row]:
        return (row for row in self.machine.rows if row.event == event and row.source in states)

    def _steps(self, pattern: Pattern | None) -> Iterator[str]:
        """Name the steps of the machine that a pattern about states fits."""
        if pattern is None or (pattern.state_to is None and pattern.state_from is None):
            return
        steps: dict[tuple[str, str], list[str]] = {}
        for row in self.machine.rows:
            if _fits(pattern, row):
                events = steps.setdefault((row.source, str(row.target)), [])
                if row.event not in events:
                    events.append(row.event)
        for (source, target), events in list(steps.items())[:STEPS_MAX]:
            on = listed([code(event) for event in events], "or")
            yield f"{code(source)} → {code(target)} on {on}"
        if len(steps) > STEPS_MAX:
            yield f"{len(steps) - STEPS_MAX} further steps"

    # --- what else the file has -----------------------------------------------------------------

    def _calendar(self) -> Iterator[str]:
        calendar = self.rules.calendar
        if calendar.hours is None and not calendar.holidays:
            return
        yield "## Calendar"
        yield ""
        yield f"Times are those of {code(calendar.timezone)}."
        yield ""
        if calendar.hours is not None:
            hours = calendar.hours
            yield from table(
                ("day", "open"), ((day, _spans(hours.get(day, ()))) for day in WEEKDAYS)
            )
        if calendar.holidays:
            yield f"Closed on {listed(sorted(calendar.holidays))}."
            yield ""

    def _events(self) -> Iterator[str]:
        events = self.rules.events
        if not events:
            return
        yield "## Events"
        yield ""
        yield "Events that only your program knows:"
        yield ""
        yield from table(
            ("event", "meaning"), ((code(name), prose(doc)) for name, doc in events.items())
        )


def _when(rule: Rule) -> str:
    stay = f", and that lasts {stay_text(rule.stay)}" if rule.stay is not None else ""
    return f"{trigger_text(rule.trigger)}{stay}"


def _fits(pattern: Pattern, row: Row) -> bool:
    """Tell whether a row moves as a pattern asks."""
    if row.target is None or row.target == row.source:
        return False
    into, out_of = pattern.state_to, pattern.state_from
    return (
        (into is None or (row.target in into and row.source not in into))
        and (out_of is None or (row.source in out_of and row.target not in out_of))
        and (pattern.event is None or row.event in pattern.event)
    )


def _spans(spans: tuple[Span, ...]) -> str:
    return listed([f"{_clock(start)} to {_clock(end)}" for start, end in spans]) or "closed"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
