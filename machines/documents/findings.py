"""What `hookflash check` says of a machine or a rules file, as a section of a document."""

from collections.abc import Iterator, Sequence

from hookflash.machines.documents.markdown import bullets, code, counted, prose, sentence
from hookflash.machines.findings import Finding
from hookflash.machines.proof import Report


def check_section(report: Report) -> Iterator[str]:
    """Return the lines of the section about a machine."""
    yield "## What was proved"
    yield ""
    explored = report.explored
    if explored is None:
        yield f"The machine was not explored: {prose(sentence(report.unexplored))}"
    else:
        policies = counted(len(explored.policies), "policy", "policies")
        yield (
            f"`hookflash check` stepped the machine through every world that its samples lead to:"
            f" {counted(explored.worlds, 'world')} under {policies},"
            f" {counted(explored.steps, 'step')}, {explored.rows_taken} of"
            f" {counted(len(report.spec.rows), 'row')} taken."
        )
    yield ""
    if report.assumptions:
        yield "Taken for granted:"
        yield ""
        yield from bullets(prose(sentence(_quoted(one))) for one in report.assumptions)
        yield ""
    yield from findings_lines(report.findings)


def _quoted(assumption: str) -> str:
    """Write names as code: the report has them between single quotes."""
    return assumption.replace("'s ", "\u2019s ").replace("'", "`").replace("\u2019", "'")


def findings_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Return the lines that tell findings, with an empty line behind them."""
    if not findings:
        yield "Nothing is wrong with it."
        yield ""
        return
    yield f"**{counted(len(findings), 'finding')}:**"
    yield ""
    for finding in findings:
        yield f"- {code(finding.kind)}, {prose(finding.place)}: {prose(sentence(finding.message))}"
        if finding.path:
            way = " → ".join(f"{code(one.event)} in {code(one.source)}" for one in finding.path)
            policy = code(finding.policy or "")
            yield f"    The shortest way there, under the policy {policy}: {way}."
        if finding.advice:
            yield f"    To do: {prose(sentence(finding.advice))}"
    yield ""
