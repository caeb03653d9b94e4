"""`rules`: cases that a rule's owner writes, tried out; and why rules did what they did."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from hookflash.adapters.command_line.options import (
    GatewayOptions,
    Json,
    RecordOptions,
    settings_of,
)
from hookflash.adapters.command_line.output import failure_of, print_json, print_line, tell_error
from hookflash.machines.redaction import printable

if TYPE_CHECKING:
    from hookflash.machines.rules.cases import CaseResult

rules_app = App(
    name="rules", help="Try rules out, and ask why and why not.", result_action="return_value"
)

_LAST_MAX = 10_000


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


@rules_app.command
def explain(
    recording: Path | None = None,
    /,
    *,
    interaction_id: Annotated[str, Parameter(name="--interaction")],
    rule: str | None = None,
    journal: str | None = None,
    config: Path | None = None,
    last: Annotated[int, Parameter(validator=Number(gte=1, lte=_LAST_MAX))] = 50,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say what rules did about an interaction, and why; with --rule, why one did nothing.

    Exit code 1 where nothing is known of the interaction. The service may be running meanwhile.

    Args:
        recording: A recording or journal; the journal of the settings unless given.
        interaction_id: The interaction.
        rule: Only this rule; at the end stands how often it was triggered, what came instead, and
            what did not hold.
        journal: Journal file. [HOOKFLASH_JOURNAL_PATH]
        config: Config file. [HOOKFLASH_CONFIG, else hookflash.toml in this folder]
        last: How many decisions are shown, the latest; 1 to 10,000.
        json: Print one object of JSON a line.
    """
    from hookflash.adapters.command_line.rules_explained import (  # noqa: PLC0415 - see package
        Explained,
        wrapped,
    )
    from hookflash.adapters.rule_stories import gather  # noqa: PLC0415 - see package

    settings = settings_of(GatewayOptions(config=config), RecordOptions(journal=journal))
    path = recording or settings.journal.path
    story = gather(path, interaction_id, rule=rule, last=last)
    if not story.is_known:
        said = f"{path} tells nothing of the interaction {printable(interaction_id)}"
        if json:
            shown = printable(interaction_id)
            print_json(failure_of("UnknownInteraction", said, interactionId=shown))
        tell_error(said)
        return 1
    explained = Explained(story, () if settings.rules.path is None else (settings.rules.path,))
    if json:
        for one in explained.objects():
            print_json(one)
        return 0
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in explained.text():
        for piece in wrapped(line, width):
            print_line(piece)
    return 0


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
