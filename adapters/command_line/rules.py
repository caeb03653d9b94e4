"""`rules`: cases that a rule's owner writes, tried out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line

if TYPE_CHECKING:
    from hookflash.machines.rules.cases import CaseResult

rules_app = App(name="rules", help="Try rules out.", result_action="return_value")


@rules_app.command(name="test")
def try_cases(
    cases: Path, /, *, verbose: Annotated[bool, Parameter(negative="")] = False, json: Json = False
) -> int:
    """Run the cases of a file; exit code 1 where one does not come out as it says.

    Args:
        cases: The file of cases; it names the rules file, relative to itself.
        verbose: Tell of every case why and why not, not only of those that fail.
        json: Print one line of JSON.
    """
    from hookflash.adapters.rules_files import load_cases  # noqa: PLC0415 - see package
    from hookflash.machines.rules.cases import run_case  # noqa: PLC0415 - see package

    rules, found = load_cases(cases)
    results = [run_case(rules, case) for case in found]
    failed = sum(not result.passed for result in results)
    if json:
        print_json(
            {
                "status": "failed" if failed else "success",
                "cases": len(results),
                "failed": failed,
                "results": [_as_json(result) for result in results],
            }
        )
    else:
        for result in results:
            _tell(result, cases, verbose=verbose)
        passed = len(results) - failed
        print_line(f"{len(results)} cases: {passed} passed, {failed} failed")
    return 1 if failed else 0


def _as_json(result: "CaseResult") -> dict[str, Any]:
    return {
        "name": result.case.name,
        "line": result.case.line,
        "status": "success" if result.passed else "failed",
        "differences": list(result.differences),
        "actions": list(result.taken),
        "traces": [] if result.passed else [trace.to_json() for trace in result.traces],
    }


def _tell(result: "CaseResult", file: Path, *, verbose: bool) -> None:
    from hookflash.machines.rules.explaining import explain  # noqa: PLC0415 - see package

    word = "passed" if result.passed else "FAILED"
    print_line(f"{word}  {result.case.name}  ({file}: line {result.case.line})")
    for difference in result.differences:
        print_line(f"  {difference}")
    if not result.passed:
        print_line("  what the rules did:")
        for taken in result.taken or ("nothing",):
            print_line(f"    {taken}")
    if verbose or not result.passed:
        for line in explain(result.traces, rule=result.case.rule):
            print_line(f"    {line}")
