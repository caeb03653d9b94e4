"""The traffic of a recording as tables: what the diagram shows, for everybody."""

from collections import Counter, defaultdict
from typing import Any

from hookflash.adapters.report.words import duration, text
from hookflash.machines.diagrams.figures import Stay, Traffic
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine

_NONE = Stay(0, 0, None, None, Instant(0))


def transition_rows(traffic: Traffic) -> str:
    """Return how often the machine went from state to state, and on what, as rows of a table."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter[str])
    for (source, event, target), flow in traffic.flows.items():
        if source != target:
            found[source, target][event] += flow.count
    rows: list[str] = []
    for (source, target), events in sorted(found.items(), key=lambda one: -one[1].total()):
        share = events.total() / traffic.left(source)
        on = ", ".join(f"{_named(event)} {count:,}&times;" for event, count in events.most_common())
        rows.append(
            f'<tr><th scope="row">{_named(source)}</th><td>{_named(target)}</td>'
            f'<td class="figure">{events.total():,}</td><td class="figure">{share:.1%}</td>'
            f"<td>{on}</td></tr>"
        )
    return "\n".join(rows) or '<tr><td colspan="5">nothing moved</td></tr>'


def state_rows(machine: Machine[Any, Any], traffic: Traffic) -> str:
    """Return how often and how long interactions were in each state, as rows of a table."""
    names = [
        *machine.spec.states,
        *(name for name in traffic.stays if name not in machine.spec.states),
    ]
    rows: list[str] = []
    for name in names:
        stay = traffic.stays.get(name, _NONE)
        state = machine.spec.states.get(name)
        rows.append(
            f'<tr><th scope="row">{_named(name)}</th>'
            f'<td class="figure">{stay.visits:,}</td>'
            f'<td class="figure">{_seconds(stay.p50_s)}</td>'
            f'<td class="figure">{_seconds(stay.p95_s)}</td>'
            f"<td>{'' if state is None else text(state.doc)}</td></tr>"
        )
    return "\n".join(rows)


def _seconds(seconds: float | None) -> str:
    return "&ndash;" if seconds is None else duration(round(seconds * 1_000_000))


def _named(name: str) -> str:
    return text(name.replace("_", " "))
