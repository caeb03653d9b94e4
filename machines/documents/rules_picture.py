"""The picture of rules: in which states each comes, and where what it does leads.

The machine's states stand on the left, where a rule is set off, and on the right, where its actions
lead; in each place those that are meant stand out. Between them stand the rules.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from attrs import field, frozen

from hookflash.machines.diagrams.dot_text import COLOURS, FONTS, statement
from hookflash.machines.documents.document import Picture
from hookflash.machines.documents.rule_words import us_text
from hookflash.machines.rules.loops import REQUESTS, firing_states
from hookflash.machines.rules.rule import ActionSpec, Pattern, Rule
from hookflash.machines.spec import Spec

RULES_MAX: Final = 12
"""Rules of one picture; more would be hard to follow."""

_JOURNAL: Final = "journal and audit log"


@frozen
class _End:
    """What an arrow of the picture leads from or to: states of the machine, or something else."""

    states: tuple[str, ...] = ()
    words: str = ""


@frozen
class _Arrow:
    rule: Rule = field(hash=False)
    end: _End
    label: str


def pictures_of(rules: Sequence[Rule], machine: Spec) -> Iterator[Picture]:
    """Draw rules, some at a time.

    Args:
        rules: The rules.
        machine: The machine whose states they are about.
    """
    for start in range(0, len(rules), RULES_MAX):
        yield _Rules(rules[start : start + RULES_MAX], machine).picture()


class _Rules:
    def __init__(self, rules: Sequence[Rule], machine: Spec) -> None:
        self.rules, self.machine = rules, machine
        self.causes = [
            _Arrow(rule, _End(trigger_states(rule, machine)), _trigger_label(rule))
            for rule in rules
        ]
        self.results = [arrow for rule in rules for arrow in dict.fromkeys(_results(rule, machine))]

    def picture(self) -> Picture:
        names = ", ".join(rule.name for rule in self.rules)
        words = f"What sets these rules off, and where what they do leads: {names}."
        dots = tuple("\n".join(self._dot(spread)) + "\n" for spread in ("0.3", "0.5"))
        return Picture("\n".join(self._mermaid()) + "\n", dots, words)

    def _ends(self, arrows: Sequence[_Arrow]) -> dict[_End, int]:
        ends = dict.fromkeys(arrow.end for arrow in arrows)
        return {end: number for number, end in enumerate(ends, start=1)}

    # --- Mermaid --------------------------------------------------------------------------------

    def _mermaid(self) -> Iterator[str]:
        causes, results = self._ends(self.causes), self._ends(self.results)
        yield "flowchart LR"
        for end, number in causes.items():
            yield f"    c{number}([{_mermaid_text(self._named(end))}])"
        for number, rule in enumerate(self.rules, start=1):
            yield f"    r{number}[{_mermaid_text('<br/>'.join(_rule_lines(rule)))}]"
        for end, number in results.items():
            shape = ("([", "])") if end.states else (">", "]")
            yield f"    e{number}{shape[0]}{_mermaid_text(self._named(end))}{shape[1]}"
        numbers = {rule.name: number for number, rule in enumerate(self.rules, start=1)}
        for arrow in self.causes:
            ends = f"c{causes[arrow.end]} -- {_mermaid_text(arrow.label)}"
            yield f"    {ends} --> r{numbers[arrow.rule.name]}"
        for arrow in self.results:
            line = "-.->" if arrow.rule.shadow or not arrow.rule.enabled else "-->"
            label = f"|{_mermaid_text(arrow.label)}|" if arrow.label else ""
            yield f"    r{numbers[arrow.rule.name]} {line}{label} e{results[arrow.end]}"

    def _named(self, end: _End) -> str:
        if not end.states:
            return end.words
        if len(end.states) == len(self.machine.states):
            return "any state"
        return "<br/>".join(end.states)

    # --- Graphviz -------------------------------------------------------------------------------

    def _dot(self, spread: str) -> Iterator[str]:
        causes, results = self._ends(self.causes), self._ends(self.results)
        yield "digraph rules {"
        yield statement(
            "graph",
            rankdir="LR",
            bgcolor=COLOURS["paper"],
            pad="0.25",
            nodesep=spread,
            ranksep="0.9",
            fontname=FONTS,
        )
        yield statement("node", fontname=FONTS, fontsize="11", shape="box", margin="0.12,0.08")
        edge = COLOURS["other"]
        yield statement(
            "edge", fontname=FONTS, fontsize="10", arrowsize="0.8", color=edge, fontcolor=edge
        )
        for end, number in causes.items():
            yield self._dot_end(f"c{number}", end)
        for number, rule in enumerate(self.rules, start=1):
            yield _dot_rule(f"r{number}", rule)
        for end, number in results.items():
            yield self._dot_end(f"e{number}", end)
        numbers = {rule.name: number for number, rule in enumerate(self.rules, start=1)}
        for arrow in self.causes:
            ends = f"c{causes[arrow.end]} -> r{numbers[arrow.rule.name]}"
            yield statement(ends, label=_padded(arrow.label), style=_style(arrow.rule))
        for arrow in self.results:
            ends = f"r{numbers[arrow.rule.name]} -> e{results[arrow.end]}"
            yield statement(ends, label=_padded(arrow.label), style=_style(arrow.rule))
        yield "}"

    def _dot_end(self, name: str, end: _End) -> str:
        if not end.states:
            return statement(
                name,
                label=end.words,
                shape="note",
                style="filled",
                color=COLOURS["edge"],
                fillcolor=COLOURS["paper"],
                fontcolor=COLOURS["ink"],
            )
        rows = "".join(
            _dot_state(state, meant=state in end.states) for state in self.machine.states
        )
        label = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="1" CELLPADDING="3">{rows}</TABLE>'
        return statement(
            name,
            label=label,
            style="rounded,filled",
            color=COLOURS["story"],
            fillcolor=COLOURS["storybox"],
        )


def _dot_state(state: str, *, meant: bool) -> str:
    colour, text = COLOURS["story" if meant else "faint"], escape(state)
    text = f"<B>{text}</B>" if meant else text
    return f'<TR><TD ALIGN="LEFT"><FONT COLOR="{colour}" POINT-SIZE="11">{text}</FONT></TD></TR>'


def _dot_rule(name: str, rule: Rule) -> str:
    first, *others = (escape(line) for line in _rule_lines(rule))
    rows = [f'<FONT COLOR="{COLOURS["ink"]}" POINT-SIZE="12"><B>{first}</B></FONT>']
    rows += [f'<FONT COLOR="{COLOURS["clock"]}" POINT-SIZE="10">{line}</FONT>' for line in others]
    cells = "".join(f'<TR><TD ALIGN="LEFT">{row}</TD></TR>' for row in rows)
    return statement(
        name,
        label=f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{cells}</TABLE>',
        style=f"rounded,{_style(rule)},filled",
        color=COLOURS["edge"],
        fillcolor=COLOURS["box"],
        penwidth="1.4",
    )


def _style(rule: Rule) -> str:
    return "dashed" if rule.shadow or not rule.enabled else "solid"


def _padded(label: str) -> str:
    return f" {label} " if label else ""


def _mermaid_text(text: str) -> str:
    """Return *text* in quotes, as Mermaid takes it: line breaks stay, all else is only text."""
    lines = text.split("<br/>")
    written = (
        "".join(char if char.isalnum() or char in " .,-:→_" else f"#{ord(char)};" for char in line)
        for line in lines
    )
    return f'"{"<br/>".join(written)}"'


# --- what the arrows say --------------------------------------------------------------------------


def trigger_states(rule: Rule, machine: Spec) -> tuple[str, ...]:
    """Return the states that a rule's trigger is about: entered, left, or those it may come in."""
    pattern = rule.trigger.pattern
    if pattern is not None and (pattern.state_to or pattern.state_from):
        named = pattern.state_to or pattern.state_from or ()
    else:
        named = tuple(firing_states(rule, machine))
    return tuple(state for state in machine.states if state in named)


def _trigger_label(rule: Rule) -> str:
    schedule = rule.trigger.schedule
    if schedule is not None:
        if schedule.every_us is not None:
            return f"every {us_text(schedule.every_us)}"
        times = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in schedule.times)
        return f"at {', '.join(times)}"
    return _pattern_label(rule.trigger.pattern or Pattern())


def _pattern_label(pattern: Pattern) -> str:
    said = ["enters"] if pattern.state_to else ["leaves"] if pattern.state_from else []
    for name in ("event", "outcome", "notice", "alarm"):
        values: tuple[str, ...] | None = getattr(pattern, name)
        if values is not None:
            said.append(f"{name} {values[0]}{' …' if len(values) > 1 else ''}")
    return ", ".join(said)


def _rule_lines(rule: Rule) -> Iterator[str]:
    yield rule.name
    if rule.stay is not None:
        stay = rule.stay
        yield (
            f"for {us_text(stay.us)}"
            if stay.us is not None
            else f"until {stay.text()} of the limit"
        )
    if rule.absence is not None:
        yield f"if nothing comes for {us_text(rule.absence.next_us)}"
    if rule.windows:
        yield "if it was so before"
    if rule.condition is not None:
        yield "if its condition holds"
    if not rule.enabled:
        yield "switched off"
    elif rule.shadow:
        yield "in shadow"


def _results(rule: Rule, machine: Spec) -> Iterator[_Arrow]:
    for action in rule.actions:
        yield _Arrow(rule, _end_of(action, rule, machine), _action_label(action))


def _action_label(action: ActionSpec) -> str:
    return action.name.replace("_", " ") if action.name in REQUESTS else ""


def _end_of(action: ActionSpec, rule: Rule, machine: Spec) -> _End:
    settings = action.settings
    match action.name:
        case "notify":
            return _End(words=f"tells {settings['to']}")
        case "annotate":
            return _End(words=_JOURNAL)
        case "call":
            return _End(words=f"calls {settings['function']}")
        case "extend_limit":
            return _End(words="a later limit")
        case _:
            states = led_to(action.name, firing_states(rule, machine), machine)
            return _End(states) if states else _End(words="comes to nothing")


def led_to(action: str, states: frozenset[str], machine: Spec) -> tuple[str, ...]:
    """Return the states to which an action leads from one of *states*; none where it does not."""
    targets = {
        row.target
        for state in states
        for row in machine.rows_of(state, REQUESTS[action])
        if row.target is not None
    }
    return tuple(state for state in machine.states if state in targets)
