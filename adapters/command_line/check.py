"""`check`: the static proof of a machine's definition, and what is wrong with a rules file."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line
from hookflash.machines.errors import SpecError

if TYPE_CHECKING:
    from hookflash.machines.findings import Finding
    from hookflash.machines.proof import Report
    from hookflash.machines.spec import Spec


def check(file: str, /, *, json: Json = False) -> int:
    """Prove that a machine's definition or a rules file is sound; exit code 1 where it is not.

    Args:
        file: A shipped machine (`hold`, `connection`), the path of a definition, or of rules.
        json: Print one line of JSON.
    """
    from hookflash.adapters.specifications import read_definition  # noqa: PLC0415 - see package

    text, place = read_definition(file)
    return _checker_of(text)(file, text, place, json)


# --- what kind of file it is --------------------------------------------------------------------

_Checker = Callable[[str, str, str, bool], int]
"""Checks a file: as it was named, its text, its place for messages, whether to print JSON."""


def _checker_of(text: str) -> _Checker:
    """Return who checks a file; one that is no TOML counts as a machine, which will say so."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return _check_machine
    for key, checker in _KINDS.items():
        if isinstance(document.get(key), list):
            return checker
    return _check_machine


def _check_rules(file: str, text: str, place: str, json: bool) -> int:  # noqa: ARG001, FBT001 - as any checker
    from hookflash.adapters.rules_files import names_of  # noqa: PLC0415 - see package
    from hookflash.machines.rules.checking import check_text  # noqa: PLC0415 - see package

    findings = check_text(text, place, names_of())
    if json:
        print_json(
            {
                "status": "failed" if findings else "success",
                "kind": "rules",
                "place": place,
                "findings": [_finding_as_json(finding) for finding in findings],
            }
        )
    else:
        print_line(f"{place}: rules")
        for line in _findings_as_lines(findings):
            print_line(line)
    return 1 if findings else 0


_KINDS: dict[str, _Checker] = {"rule": _check_rules}
"""By the list of tables at the top that only this kind of file has; all others are machines."""

# --- machines -----------------------------------------------------------------------------------


def _check_machine(file: str, text: str, place: str, json: bool) -> int:  # noqa: FBT001 - as any checker
    from hookflash.adapters.specifications import implementation_of, samples_of  # noqa: PLC0415 - see package
    from hookflash.machines.proof import prove  # noqa: PLC0415 - see package
    from hookflash.machines.spec import read_spec  # noqa: PLC0415 - see package

    spec = read_spec(text, place)
    missing: list[Finding] = []
    implementation = samples = None
    try:
        implementation = implementation_of(spec, file)
    except SpecError as error:
        missing.append(_module_missing(spec, "machine.implementation", error))
    else:
        try:
            samples = samples_of(spec, file)
        except SpecError as error:
            missing.append(_module_missing(spec, "check.samples", error))
    report = prove(spec, implementation, samples, before=missing)
    if json:
        print_json(_as_json(report))
    else:
        for line in _as_lines(report):
            print_line(line)
    return 1 if report.findings else 0


def _module_missing(spec: "Spec", key: str, error: SpecError) -> "Finding":
    from hookflash.machines.findings import Finding  # noqa: PLC0415 - see package

    table, _, name = key.partition(".")
    return Finding(
        "unknown_name",
        f"{spec.where(table)}.{name}",
        error.message.removeprefix(f"{error.place}: "),
        error.advice,
        line=spec.lines.get(table),
    )


# --- for people ---------------------------------------------------------------------------------


def _as_lines(report: "Report") -> Iterator[str]:
    spec, explored = report.spec, report.explored
    sizes = (
        _counted(len(spec.states), "state", "states"),
        _counted(len(spec.events), "event", "events"),
        _counted(len(spec.timers), "timer", "timers"),
        _counted(len(spec.rows), "row", "rows"),
    )
    counted = ", ".join(sizes)
    yield f"{spec.place}: machine {spec.name}: {counted}"
    if explored is None:
        yield f"not explored: {report.unexplored}"
    else:
        yield (
            f"explored under {_counted(len(explored.policies), 'policy', 'policies')}:"
            f" {explored.worlds:,} worlds,"
            f" {explored.steps:,} steps, {explored.rows_taken} rows taken"
        )
    for assumption in report.assumptions:
        yield f"taken for granted: {assumption}"
    yield from _findings_as_lines(report.findings)


def _findings_as_lines(findings: "Sequence[Finding]") -> Iterator[str]:
    for finding in findings:
        yield ""
        yield from _block(finding)
    if findings:
        yield ""
    yield _counted(len(findings), "finding", "findings")


def _block(finding: "Finding") -> Iterator[str]:
    yield f"{finding.place}: {finding.kind}"
    yield f"  {finding.message}"
    if finding.path:
        yield f"  the shortest way there, under the policy {finding.policy!r}:"
        width = max(len(step.event) for step in finding.path)
        for number, step in enumerate(finding.path, start=1):
            moved = step.source if step.source == step.target else f"{step.source} -> {step.target}"
            yield f"  {number:3}. {step.event:<{width}}  {moved} (line {step.line})"
    if finding.also_after:
        yield f"  further ways end with the rows of lines {_listed(finding.also_after)}"
    if finding.advice:
        yield f"  to do: {finding.advice}"


def _counted(number: int, one: str, several: str) -> str:
    return f"{number or 'no'} {one if number == 1 else several}"


def _listed(lines: tuple[int, ...]) -> str:
    return ", ".join(map(str, lines))


# --- for programs -------------------------------------------------------------------------------


def _as_json(report: "Report") -> dict[str, Any]:
    spec, explored = report.spec, report.explored
    return {
        "status": "failed" if report.findings else "success",
        "kind": "machine",
        "machine": spec.name,
        "place": spec.place,
        "states": len(spec.states),
        "events": len(spec.events),
        "timers": len(spec.timers),
        "rows": len(spec.rows),
        "explored": None
        if explored is None
        else {
            "policies": list(explored.policies),
            "worlds": explored.worlds,
            "steps": explored.steps,
            "rowsTaken": explored.rows_taken,
        },
        "unexplored": report.unexplored or None,
        "assumptions": list(report.assumptions),
        "findings": [_finding_as_json(finding) for finding in report.findings],
    }


def _finding_as_json(finding: "Finding") -> dict[str, Any]:
    return {
        "finding": finding.kind,
        "place": finding.place,
        "line": finding.line,
        "message": finding.message,
        "advice": finding.advice or None,
        "state": finding.state,
        "event": finding.event,
        "policy": finding.policy,
        "path": [
            {"event": step.event, "from": step.source, "to": step.target, "line": step.line}
            for step in finding.path
        ],
        "alsoAfterLines": list(finding.also_after),
    }
