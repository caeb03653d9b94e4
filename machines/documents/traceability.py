"""Which tests exercise which rows: recorded while the tests run, read by those who write documents.

The file is JSON. Rows are named by their state, their event and their place among the rows of that
pair, from 1: `held acknowledged 2`. Such a name survives changes elsewhere in the definition.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from hookflash.machines.errors import SpecError
from hookflash.machines.spec import Row, Spec

FORMAT = 1


@frozen
class TracedTest:
    """A test and the rows that it exercises.

    Attributes:
        name: Its id, as the test runner has it, without parameters.
        says: What it shows, in its own words; empty where it does not say.
        rows: The names of the rows of one machine; None for all of them.
        random: Whether it walks at random: its rows are not the same each time, and not told.
    """

    name: str
    says: str
    rows: tuple[str, ...] | None
    random: bool = False


@frozen
class Traceability:
    """Which tests exercise which rows, for some machines.

    Attributes:
        tests: The tests by the name of the machine, each in the order of their names.
    """

    tests: Mapping[str, tuple[TracedTest, ...]] = field(factory=dict[str, tuple[TracedTest, ...]])

    def of(self, machine: str) -> tuple[TracedTest, ...]:
        """Return the tests that exercise rows of *machine*; none where nothing was recorded."""
        return self.tests.get(machine, ())

    def to_json(self) -> str:
        """Return it as the file has it."""
        lines = [f'{{"format": {FORMAT}, "machines": {{']
        machines = sorted(self.tests.items())
        for number, (machine, tests) in enumerate(machines, start=1):
            lines.append(f" {json.dumps(machine)}: {{")
            # A line for each test: a change shows which ones it concerns.
            written = [f"  {json.dumps(one.name)}: {json.dumps(_as_json(one))}" for one in tests]
            lines.append(",\n".join(written))
            lines.append(" }," if number < len(machines) else " }")
        return "\n".join([*lines, "}}"]) + "\n"

    @classmethod
    def from_json(cls, text: str, place: str) -> "Traceability":
        """Read it.

        Args:
            text: The file's text.
            place: Where it came from, for messages.

        Raises:
            SpecError: It is none; record it again.
        """
        try:
            return cls(_machines_of(json.loads(text)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SpecError(
                f"{place}: does not say which tests exercise which rows: {error}",
                advice="record it again, with `pytest -p hookflash.adapters.documents.tracing`",
                place=place,
            ) from error


def _machines_of(read: dict[str, Any]) -> dict[str, tuple[TracedTest, ...]]:
    if read["format"] != FORMAT:
        raise ValueError(f"its format is {read['format']!r}, not {FORMAT}")
    machines: dict[str, dict[str, Any]] = read["machines"]
    return {
        machine: tuple(_of_json(name, one) for name, one in tests.items())
        for machine, tests in machines.items()
    }


def _as_json(test: TracedTest) -> dict[str, Any]:
    if test.random:
        return {"says": test.says, "rows": "random"}
    return {"says": test.says, "rows": "all" if test.rows is None else list(test.rows)}


def _of_json(name: str, written: dict[str, Any]) -> TracedTest:
    says, rows = written["says"], written["rows"]
    if rows == "random":
        return TracedTest(str(name), str(says), (), random=True)
    return TracedTest(str(name), str(says), None if rows == "all" else tuple(map(str, rows)))


def names_of_rows(spec: Spec) -> dict[int, str]:
    """Return the names of all rows of a definition, by their places among all rows."""
    counts: dict[tuple[str, str], int] = {}
    names: dict[int, str] = {}
    for row in spec.rows:
        pair = row.source, row.event
        counts[pair] = counts.get(pair, 0) + 1
        names[row.index] = f"{row.source} {row.event} {counts[pair]}"
    return names


def traced(spec: Spec, name: str, says: str, rows: Iterable[Row], *, random: bool) -> TracedTest:
    """Return what a test that took *rows* of a definition is written down as."""
    if random:
        return TracedTest(name, says, (), random=True)
    names = names_of_rows(spec)
    taken = sorted({row.index for row in rows})
    if len(taken) == len(spec.rows):
        return TracedTest(name, says, None)
    return TracedTest(name, says, tuple(names[index] for index in taken))
