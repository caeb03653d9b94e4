"""The proof of a machine: all that is wrong with its definition, and what that rests on.

Two levels. What the rows say by themselves (`proof_structure`) is checked for every machine. Where
the author gives samples, the machine is also explored (`proof_search`): stepped, under each policy,
through every world that the samples lead to. A finding of either is certain; that there is none is
proved for the samples given, under the assumptions that the report names.
"""

from collections.abc import Iterator, Sequence

from attrs import frozen

from hookflash.machines.findings import LOAD_REFUSES, Finding
from hookflash.machines.machine import Implementation, Machine
from hookflash.machines.proof_search import WORLDS_MAX, Exploration
from hookflash.machines.proof_structure import structural_findings
from hookflash.machines.proof_summary import findings_of
from hookflash.machines.proof_world import Samples
from hookflash.machines.spec import Spec
from hookflash.machines.spec_checks import undecided, undefined_names, unresolved
from hookflash.machines.spec_text import nearest

_NAMES_FIRST = "names that do not exist come first; the graph of its states was not checked either"
_NOT_YET = "what is found here keeps it from running; its rows were checked"
_NO_SAMPLES = "it names no samples, so its rows were checked, not what guards and effects do"


@frozen
class Explored:
    """How much was explored.

    Attributes:
        policies: The names of the policies.
        worlds: How many different worlds there were, over all policies.
        steps: How many events were stepped.
        rows_taken: How many rows were taken at least once.
    """

    policies: tuple[str, ...]
    worlds: int
    steps: int
    rows_taken: int


@frozen
class Report:
    """What a proof came to.

    Attributes:
        spec: The definition.
        findings: All that is wrong, in the order of the definition's lines.
        explored: How much was explored; None where it was not.
        unexplored: Why it was not; empty where it was.
        assumptions: What the proof takes for granted, in sentences.
    """

    spec: Spec
    findings: tuple[Finding, ...]
    explored: Explored | None
    unexplored: str
    assumptions: tuple[str, ...]


def prove(
    spec: Spec,
    implementation: Implementation | None,
    samples: Samples | None,
    *,
    before: Sequence[Finding] = (),
    worlds_max: int = WORLDS_MAX,
) -> Report:
    """Prove what can be proved of a definition.

    Args:
        spec: The definition, as `read_spec` gives it; it need not be one that loads.
        implementation: What its names mean; None where there is none to be had.
        samples: What it can be explored with; None where the author gives none.
        before: What the caller found already: that a module cannot be imported, for instance.
        worlds_max: How many worlds of one policy are explored before it is given up.

    Returns:
        The report.

    Raises:
        SpecError: A sample failed; correct the module of the samples.
    """
    names = list(undefined_names(spec))
    findings = [*before, *names, *undecided(spec)]
    if implementation is not None:
        findings += unresolved(spec, implementation)
    if not names:
        # A misspelt target would make its state look as if nothing led there.
        findings += structural_findings(spec)
    explorations: list[Exploration] = []
    unexplored = ""
    if names:
        unexplored = _NAMES_FIRST
    elif any(finding.kind in LOAD_REFUSES for finding in findings):
        unexplored = _NOT_YET
    elif implementation is None or samples is None:
        unexplored = _NO_SAMPLES
    else:
        findings += _misfits(spec, samples)
        if any(finding.kind == "unknown_name" for finding in findings):
            unexplored = _NOT_YET
        else:
            explorations = _explore(spec, implementation, samples, worlds_max)
            findings += findings_of(spec, explorations)
    return Report(
        spec,
        tuple(sorted(dict.fromkeys(findings), key=_order)),
        _explored(explorations),
        unexplored,
        tuple(_assumptions(spec, explorations)),
    )


def _order(finding: Finding) -> tuple[bool, int]:
    return finding.line is None, finding.line or 0


def _misfits(spec: Spec, samples: Samples) -> Iterator[Finding]:
    """Find where the samples do not fit the definition."""
    where, line = spec.where("check"), spec.lines.get("check")
    sampled = {label.partition(":")[0] for label in samples.events}
    for name in sorted(sampled - set(spec.events)):
        known = nearest(name, list(spec.events))
        text = f"{spec.check.samples} has a sample of {name!r}, which is no event{known}"
        yield Finding("unknown_name", where, text, line=line)
    for name in spec.events:
        if name not in sampled and all(timer.event != name for timer in spec.timers.values()):
            yield Finding(
                "no_sample",
                spec.where(f"events.{name}"),
                f"{spec.check.samples} has no sample of {name!r}: what it leads to is not explored",
                "add one to its `events`",
                line=spec.lines.get(f"events.{name}"),
                event=name,
            )
    for state, said in spec.states.items():
        for name in said.unless:
            if name not in samples.exceptions:
                known = nearest(name, list(samples.exceptions))
                yield Finding(
                    "unknown_name",
                    f"{spec.where(f'states.{state}')}.unless",
                    f"exception {name!r} does not exist in {spec.check.samples}{known}",
                    line=spec.lines.get(f"states.{state}"),
                    state=state,
                )


def _explore(
    spec: Spec, implementation: Implementation, samples: Samples, worlds_max: int
) -> list[Exploration]:
    explorations: list[Exploration] = []
    for name, policy in samples.policies.items():
        exploration = Exploration(Machine(spec, implementation, policy), samples, name)
        exploration.run(worlds_max)
        explorations.append(exploration)
    return explorations


def _explored(explorations: list[Exploration]) -> Explored | None:
    if not explorations:
        return None
    return Explored(
        tuple(one.policy for one in explorations),
        sum(len(one.nodes) for one in explorations),
        sum(one.steps for one in explorations),
        len(set[int]().union(*(one.taken for one in explorations))),
    )


def _assumptions(spec: Spec, explorations: list[Exploration]) -> Iterator[str]:
    for effect, events in spec.check.answers.items():
        yield f"each {effect} is answered by {' or '.join(events)}"
    for name, state in spec.states.items():
        if state.lasts is not None:
            yield f"{name!r} may last for ever: {state.lasts}"
    if not explorations:
        return
    exceptions = explorations[0].samples.exceptions
    for name in sorted(set[str]().union(*(one.excepted for one in explorations))):
        states = [state for state, said in spec.states.items() if name in said.unless]
        said = (exceptions[name].__doc__ or name).partition("\n")[0]
        yield f"{', '.join(map(repr, states))} may be left unwatched ({name}): {said}"
