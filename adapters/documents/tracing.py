"""A plugin for pytest that writes down which tests exercise which rows of which machine.

`pytest -p hookflash.adapters.documents.tracing --trace-rows FOLDER` watches each step of the
machines whose definitions stand in FOLDER while the tests run, and writes `traceability.json`
beside them, which `hookflash docs` reads. Only pytest imports this module.

A test is written down by its function: parameters count together. One that draws its cases at
random (Hypothesis) takes other rows each time; of it only the name is kept.

Where pytest-xdist shares the tests among processes, each tells at its end what it saw.
"""

import inspect
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, field, frozen

from hookflash.adapters.documents.sources import TRACEABILITY
from hookflash.adapters.specifications import read_definition
from hookflash.machines.documents.traceability import Traceability, TracedTest, traced
from hookflash.machines.errors import HookflashError, SpecError
from hookflash.machines.machine import Machine, Step
from hookflash.machines.spec import Spec, parse_spec

_PLUGIN: Final = "hookflash-tracing"
_OUTPUT: Final = "hookflash_rows"
"""Where pytest-xdist's workers leave what they saw."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("hookflash")
    group.addoption(
        "--trace-rows",
        type=Path,
        metavar="FOLDER",
        help="write which tests exercise which rows of the machines in FOLDER, beside them",
    )
    group.addoption(
        "--trace-rows-of",
        metavar="PATH",
        default="",
        help="only tests below this path, as test ids begin",
    )
    group.addoption(
        "--trace-rows-check",
        action="store_true",
        help="write nothing; fail where what is written there is not what was seen",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch, where the options say so."""
    folder: Path | None = config.getoption("--trace-rows")
    if folder is None:
        return
    try:
        definitions = definitions_in(folder)
    except HookflashError as error:
        raise pytest.UsageError(f"--trace-rows: {error}") from error
    tracing = Tracing(
        folder / TRACEABILITY,
        definitions,
        str(config.getoption("--trace-rows-of")),
        is_check=bool(config.getoption("--trace-rows-check")),
    )
    config.pluginmanager.register(tracing, _PLUGIN)


def definitions_in(folder: Path) -> dict[str, Spec]:
    """Return the definitions of machines in a folder, by their hashes.

    Raises:
        SpecError: There is none, or one cannot be used.
    """
    found: dict[str, Spec] = {}
    for path in sorted(folder.glob("*.toml")):
        text, place = read_definition(path)
        if "[machine]" in text:
            spec = parse_spec(text, place)
            found[spec.digest] = spec
    if not found:
        raise SpecError(f"{folder}: no definition of a machine", place=str(folder))
    return found


@frozen
class _Seen:
    """What was seen of one test.

    Attributes:
        says: What it shows, in its own words.
        random: Whether it draws its cases at random.
        rows: The indices of the rows that it took, by the hash of the definition.
    """

    says: str
    random: bool
    rows: dict[str, set[int]] = field(factory=dict[str, set[int]])


_Written = tuple[str, str, bool, dict[str, list[int]]]
"""A test's name, what it says, whether it is random, and the rows it took, by definition."""


@define(eq=False)
class Tracing:
    """Watches the steps of machines while tests run.

    Attributes:
        path: The file.
        definitions: The definitions that count, by their hashes.
        below: What the ids of tests that count begin with.
        is_check: Whether the file is only compared.
        message: What is to be told at the end; empty for nothing.
    """

    path: Path
    definitions: dict[str, Spec]
    below: str
    is_check: bool
    message: str = ""
    _seen: dict[str, _Seen] = field(factory=dict[str, _Seen], init=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Write down what one test does; tests that do not count run as ever."""
        name = item.nodeid.partition("[")[0]
        if not name.startswith(self.below):
            return (yield)
        seen = self._seen.setdefault(name, _seen_of(item))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Machine, "step", self._watching(seen))
            return (yield)

    def _watching(self, seen: _Seen) -> Callable[[Machine[Any, Any], Any, Any], Step[Any]]:
        real, definitions = Machine[Any, Any].step, self.definitions

        def step(machine: Machine[Any, Any], interaction: Any, event: Any) -> Step[Any]:  # noqa: ANN401 - as the real one
            taken = real(machine, interaction, event)
            digest = machine.spec.digest
            if digest in definitions:
                seen.rows.setdefault(digest, set()).add(taken.transition.index)
            return taken

        return step

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the file or compare it, where all tests passed; a worker hands on what it saw."""
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = self._plain()
            return
        if exitstatus != pytest.ExitCode.OK:
            self.message = f"{self.path}: left as it is, because not all tests passed"
            return
        text = self.traceability().to_json()
        before = self.path.read_text(encoding="utf-8") if self.path.is_file() else None
        if before == text:
            self.message = f"{self.path}: current"
        elif self.is_check:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            self.message = (
                f"{self.path}: stale: the tests exercise other rows than it says;"
                " run the tests without --trace-rows-check, then `hookflash docs`"
            )
        else:
            self.path.write_text(text, encoding="utf-8")
            self.message = f"{self.path}: written"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:  # noqa: ANN401, ARG002 - pytest-xdist's hook
        """Take up what a worker saw; one that broke down has failed the run anyway."""
        self._take(getattr(node, "workeroutput", {}).get(_OUTPUT, []))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:  # noqa: ANN401 - pytest names no class
        """Tell what became of the file."""
        terminalreporter.write_line(self.message)

    def traceability(self) -> Traceability:
        """Return what was seen so far."""
        return Traceability(
            {
                spec.name: self._tests_of(digest, spec)
                for digest, spec in sorted(self.definitions.items(), key=lambda one: one[1].name)
            }
        )

    def _plain(self) -> list[_Written]:
        """Return what was seen so far, as plain values."""
        return [
            (name, one.says, one.random, {key: sorted(rows) for key, rows in one.rows.items()})
            for name, one in self._seen.items()
        ]

    def _take(self, seen: list[_Written]) -> None:
        """Take up what another process saw."""
        for name, says, random, rows in seen:
            known = self._seen.setdefault(name, _Seen(says, random))
            for digest, taken in rows.items():
                known.rows.setdefault(digest, set()).update(taken)

    def _tests_of(self, digest: str, spec: Spec) -> tuple[TracedTest, ...]:
        return tuple(
            traced(spec, name, seen.says, [spec.rows[row] for row in taken], random=seen.random)
            for name, seen in sorted(self._seen.items())
            if (taken := sorted(seen.rows.get(digest, ())))
        )


def _seen_of(item: pytest.Item) -> _Seen:
    function: Any = getattr(item, "function", None)
    doc = (inspect.getdoc(function) or "").partition("\n\n")[0]
    return _Seen(" ".join(doc.split()), is_random(function))


def is_random(function: Any) -> bool:  # noqa: ANN401 - a function, or None
    """Tell whether a test draws its cases at random, as those of Hypothesis do."""
    return bool(getattr(function, "is_hypothesis_test", False))


__all__: Sequence[str] = ("Tracing", "definitions_in", "is_random")
