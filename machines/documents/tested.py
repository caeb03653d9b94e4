"""Which tests exercise which rows, as a section of a document."""

from collections.abc import Iterator

from hookflash.machines.documents.markdown import code, link, prose, table
from hookflash.machines.documents.rows import decision_text, guards_text, is_else
from hookflash.machines.documents.traceability import Traceability, TracedTest, names_of_rows
from hookflash.machines.spec import Spec

SECTION = "Tests"

_BROAD = 0.5
"""A test that takes a larger share of all rows than that is told once, not with each row."""


def tested(spec: Spec, traceability: Traceability | None) -> Iterator[str]:
    """Return the lines of the section.

    Args:
        spec: The definition.
        traceability: What was recorded; None where nothing was.
    """
    yield f"## {SECTION}"
    yield ""
    tests = () if traceability is None else traceability.of(spec.name)
    if not tests:
        yield "Which tests exercise which rows was not recorded."
        yield ""
        return
    yield ("This was recorded while the tests ran: each row that a test made the machine take.")
    yield ""
    yield from _Tested(spec, tests).lines()


class _Tested:
    def __init__(self, spec: Spec, tests: tuple[TracedTest, ...]) -> None:
        self.spec = spec
        self.names = names_of_rows(spec)
        known = tuple(self.names.values())
        self.taken = {
            test.name: frozenset(known if test.rows is None else test.rows) & frozenset(known)
            for test in tests
        }
        self.random = [test for test in tests if test.random]
        others = [test for test in tests if not test.random and self.taken[test.name]]
        self.broad = [test for test in others if self._share(test) > _BROAD]
        self.single = [test for test in others if self._share(test) <= _BROAD]

    def _share(self, test: TracedTest) -> float:
        return len(self.taken[test.name]) / len(self.names)

    def lines(self) -> Iterator[str]:
        yield from self._rows()
        yield from self._singles()
        count = len(self.names)
        yield from _group(
            "Broad tests",
            "They take more than half of the rows.",
            [(f", {len(self.taken[one.name])} of {count} rows", one) for one in self.broad],
        )
        yield from _group(
            "Tests that walk at random",
            "Which rows they take is not the same each time, so it is not told.",
            [("", one) for one in self.random],
        )

    def _rows(self) -> Iterator[str]:
        yield "### From rows to tests"
        yield ""
        yield from table(
            ("event", "in", "if", "decision", "tests"),
            (
                (
                    link(code(row.event), f"Event {row.event}"),
                    code(row.source),
                    guards_text(row.guards, is_else=is_else(self.spec, row)),
                    decision_text(row),
                    self._tests_of(self.names[row.index]),
                )
                for event in self.spec.events
                for row in self.spec.rows
                if row.event == event
            ),
        )

    def _tests_of(self, row: str) -> str:
        single = [
            f"T{number}"
            for number, test in enumerate(self.single, start=1)
            if row in self.taken[test.name]
        ]
        broad = sum(1 for test in self.broad if row in self.taken[test.name])
        more = [f"{broad} broad"] if broad else []
        return ", ".join([*single, *more]) or "**none**"

    def _singles(self) -> Iterator[str]:
        if not self.single:
            return
        yield "### The tests"
        yield ""
        path = ""
        for number, test in enumerate(self.single, start=1):
            before, (path, _, function) = path, test.name.rpartition("::")
            if path != before:
                yield from ([""] if before else [])
                yield f"In {code(path)}:"
                yield ""
            yield f"- T{number} {code(function)}{_says(test)}"
        yield ""


def _group(title: str, lead: str, tests: list[tuple[str, TracedTest]]) -> Iterator[str]:
    if not tests:
        return
    yield f"### {title}"
    yield ""
    yield lead
    yield ""
    for more, test in tests:
        path, _, function = test.name.rpartition("::")
        yield f"- {code(function)} in {code(path)}{more}{_says(test)}"
    yield ""


def _says(test: TracedTest) -> str:
    return f": {prose(test.says)}" if test.says else ""
