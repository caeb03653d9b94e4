"""What the explorations of a machine add up to: findings of all policies, and what none reached."""

from collections.abc import Hashable, Iterator

from hookflash.machines.findings import Finding
from hookflash.machines.proof_search import Exploration
from hookflash.machines.proof_structure import reachable_states
from hookflash.machines.spec import Row, Spec


def findings_of(spec: Spec, explorations: list[Exploration]) -> Iterator[Finding]:
    """Find what the explorations show: each thing once, by the shortest path under any policy.

    What was never reached is told only where everything was seen: not behind a step that fails,
    nor where there were too many worlds.
    """
    shortest: dict[tuple[Hashable, ...], Finding] = {}
    for exploration in explorations:
        for key, finding in exploration.found.items():
            known = shortest.get(key, finding)
            first, other = sorted((known, finding), key=lambda one: len(one.path))
            lines = [step.line for step in other.path[-1:]]
            shortest[key] = first.also([*other.also_after, *lines])
    yield from shortest.values()
    if not {"step_fails", "too_many_worlds"} & {finding.kind for finding in shortest.values()}:
        reached = {node.world.interaction.state for one in explorations for node in one.nodes}
        yield from _unreached(spec, reached)
        yield from _dead_rows(spec, explorations, reached)


def _unreached(spec: Spec, reached: set[str]) -> Iterator[Finding]:
    for name in spec.states:
        if name not in reached and name in reachable_states(spec):
            yield Finding(
                "unreachable_state",
                spec.where(f"states.{name}"),
                f"rows lead to {name!r}, but none of them is ever taken",
                "see what is found about those rows",
                line=spec.lines.get(f"states.{name}"),
                state=name,
            )


def _dead_rows(spec: Spec, explorations: list[Exploration], reached: set[str]) -> Iterator[Finding]:
    """Find entries of `[[transitions]]` that are never taken, for some of their pairs or for any.

    Those of states that nothing reaches are left out: that is told already.
    """
    taken = set[int]().union(*(one.taken for one in explorations))
    entries: dict[int, list[Row]] = {}
    for row in spec.rows:
        entries.setdefault(row.line, []).append(row)
    for line, rows in entries.items():
        dead = [row for row in rows if row.index not in taken and row.source in reached]
        causes = {row.index: cause for row in dead if (cause := _cause(row, explorations))}
        dead = [row for row in dead if row.index in causes]
        if not dead:
            continue
        where = "" if len(dead) == len(rows) > 1 else f" for {_pairs(dead)}"
        yield Finding(
            "dead_row",
            f"{spec.place}: line {line}",
            f"the row is never taken{where}: {'; '.join(dict.fromkeys(causes.values()))}",
            "remove it there, or correct its guards or those of the rows before it",
            line=line,
            state=dead[0].source if len({row.source for row in dead}) == 1 else None,
            event=dead[0].event if len({row.event for row in dead}) == 1 else None,
        )


def _pairs(rows: list[Row]) -> str:
    """Return the pairs of *rows* as words, events in one state together."""
    by_state: dict[str, list[str]] = {}
    for row in rows:
        by_state.setdefault(row.source, []).append(row.event)
    return "; ".join(f"{', '.join(events)} in {state!r}" for state, events in by_state.items())


def _cause(row: Row, explorations: list[Exploration]) -> str:
    """Say why *row* is never taken; empty where no sample of its event came in its state."""
    winners: set[int] = set()
    came = False
    for exploration in explorations:
        for world, event in exploration.events_in(row.source, row.event):
            came = True
            if exploration.may_take(row, event, world.interaction):
                winners.add(exploration.machine.step(world.interaction, event).transition.line)
    if winners:
        lines = ", ".join(map(str, sorted(winners)))
        return f"whenever its guards hold, a row before it is taken (line {lines})"
    if not came:
        return ""
    return f"its guards ({', '.join(row.guards)}) never hold there"
