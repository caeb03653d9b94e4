"""What makes a definition unusable: unknown names, undecided pairs, rows that compete.

Loading raises the first of these findings; `hookflash check` tells all of them.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hookflash.machines.errors import COMMAND_ERRORS
from hookflash.machines.findings import Finding
from hookflash.machines.spec_text import nearest

if TYPE_CHECKING:
    from hookflash.machines.machine import Implementation
    from hookflash.machines.spec import Row, Spec

_DIGEST_START = re.compile(r"[0-9a-f]{12,64}")
"""The beginning of a SHA-256 that no second definition of a machine will have by chance."""


def undefined_names(spec: "Spec") -> Iterator[Finding]:
    """Find the names that the definition uses and does not define."""
    if spec.initial not in spec.states:
        yield Finding(
            "unknown_name",
            f"{spec.where('machine')}.initial",
            f"no state {spec.initial!r}{nearest(spec.initial, list(spec.states))}",
            line=spec.lines.get("machine"),
        )
    for row in spec.rows:
        for kind, name, known in (
            ("source state", row.source, spec.states),
            ("event", row.event, spec.events),
            ("target state", row.target, spec.states),
        ):
            if name is not None and name not in known:
                yield _missing(spec, kind, name, known, line=row.line)
    for name, timer in spec.timers.items():
        if timer.event not in spec.events:
            yield _missing(spec, "event", timer.event, spec.events, table=f"timers.{name}/event")
    yield from _undefined_in_check(spec)
    yield from _undefined_in_migrations(spec)
    yield from _undefined_in_diagram(spec)


def _undefined_in_check(spec: "Spec") -> Iterator[Finding]:
    for name, events in spec.check.answers.items():
        for event in events:
            if event not in spec.events:
                yield _missing(spec, "event", event, spec.events, table=f"check.answers/{name}")
    watchers = [*spec.timers, *spec.check.answers]
    for name, state in spec.states.items():
        for watcher in state.watched_by:
            if watcher not in watchers:
                yield _missing(
                    spec,
                    "timer or effect of [check.answers]",
                    watcher,
                    watchers,
                    table=f"states.{name}/watched_by",
                )


def _undefined_in_migrations(spec: "Spec") -> Iterator[Finding]:
    for number, migration in enumerate(spec.migrations, start=1):
        where = f"{spec.place}: migrations {number}"
        if not _DIGEST_START.fullmatch(migration.earlier):
            yield Finding(
                "unknown_name",
                f"{where}.from",
                "expected 12 to 64 hexadecimal digits of a definition's hash",
                "a recording's header has it as `spec_hash`",
            )
        for name in migration.states.values():
            if name not in spec.states:
                known = list(spec.states)
                yield Finding(
                    "unknown_name",
                    f"{where}.states",
                    f"state {name!r} does not exist{nearest(name, known)}",
                )


def _undefined_in_diagram(spec: "Spec") -> Iterator[Finding]:
    for name in spec.diagram.timers:
        if name not in spec.timers:
            yield _missing(spec, "timer", name, spec.timers, table="diagram.timers/" + name)
    problem = _problem_of_path(spec, spec.diagram.path or ())
    if problem is not None:
        yield Finding(
            "unknown_name",
            f"{spec.where('diagram')}.path",
            problem,
            "name states and events in turn, as the rows have them, and a state at the end",
            line=spec.lines.get("diagram"),
        )


def _problem_of_path(spec: "Spec", path: tuple[str, ...]) -> str | None:
    if path and path[0] not in spec.states:
        return f"no state {path[0]!r}{nearest(path[0], list(spec.states))}"
    known = {(row.source, row.event, row.target) for row in spec.rows}
    for source, event, target in zip(path[::2], path[1::2], path[2::2], strict=False):
        if (source, event, target) not in known:
            return f"no row leads from {source!r} on {event!r} to {target!r}"
    if path and len(path) % 2 == 0:
        return f"ends with {path[-1]!r}, which is to be a state"
    return None


def undecided(spec: "Spec") -> Iterator[Finding]:
    """Find the pairs of state and event that are not decided, or twice."""
    for state in spec.states:
        missing: list[str] = []
        for event in spec.events:
            rows = spec.rows_of(state, event)
            if rows:
                yield from _competing(spec, rows)
            else:
                missing.append(event)
        if missing:
            events = "event " if len(missing) == 1 else "events "
            events += ", ".join(map(repr, missing))
            yield Finding(
                "undecided_pair",
                spec.where(f"states.{state}"),
                f"state {state!r} does not decide about {events}",
                "add a row with target, stay, late, ignore or reject, and the reason",
                line=spec.lines.get(f"states.{state}"),
                state=state,
                event=missing[0] if len(missing) == 1 else None,
            )


def _competing(spec: "Spec", rows: "tuple[Row, ...]") -> Iterator[Finding]:
    seen: dict[frozenset[str], Row] = {}
    for row in rows:
        earlier = next(
            (one for guards, one in seen.items() if guards <= frozenset(row.guards)), None
        )
        if earlier is not None:
            yield Finding(
                "competing_rows",
                f"{spec.place}: lines {earlier.line} and {row.line}",
                f"two rows compete for event {row.event!r} in state {row.source!r}: the second can"
                " never be taken",
                "give the first a guard that the second does not have, or remove one",
                line=row.line,
                state=row.source,
                event=row.event,
            )
        seen.setdefault(frozenset(row.guards), row)
    last = rows[-1]
    if all(row.guards for row in rows):
        yield Finding(
            "undecided_pair",
            f"{spec.place}: line {last.line}",
            f"event {last.event!r} in state {last.source!r} is not decided when the guards"
            f" {', '.join(last.guards)} do not hold",
            "add a last row without guards",
            line=last.line,
            state=last.source,
            event=last.event,
        )


def unresolved(spec: "Spec", implementation: "Implementation") -> Iterator[Finding]:
    """Find the names that the definition's Python module does not have."""
    for name, event in spec.events.items():
        cls = implementation.events.get(name)
        if cls is None or cls.__name__ != event.cls:
            classes = [known.__name__ for known in implementation.events.values()]
            yield _unresolved(spec, "event class", event.cls, classes, f"events.{name}/class")
    yield from _unresolved_in_rows(spec, implementation)
    for number, migration in enumerate(spec.migrations, start=1):
        if migration.carry is not None and migration.carry not in implementation.migrations:
            known = implementation.migrations
            table = f"migrations {number}/carry"
            yield _unresolved(spec, "function", migration.carry, known, table)
    produced = [cls.__name__ for cls in implementation.produces]
    for name in spec.check.answers if produced else ():
        if name not in produced:
            yield _unresolved(spec, "effect class", name, produced, f"check.answers/{name}")
    policy = implementation.policy()
    for name, timer in spec.timers.items():
        if not hasattr(policy, timer.duration):
            settings = [one for one in dir(policy) if one.endswith("_s")]
            table = f"timers.{name}/duration"
            yield _unresolved(spec, "setting", timer.duration, settings, table)
    yield from _unresolved_in_diagram(spec, policy)


def _unresolved_in_diagram(spec: "Spec", policy: object) -> Iterator[Finding]:
    settings = [one for one in dir(policy) if not one.startswith("_")]
    for name, words in spec.diagram.timers.items():
        for key, setting in (("share", words.share), ("longest", words.longest)):
            if setting is not None and setting not in settings:
                table = f"diagram.timers.{name}/{key}"
                yield _unresolved(spec, "setting", setting, settings, table)


def _unresolved_in_rows(spec: "Spec", implementation: "Implementation") -> Iterator[Finding]:
    for row in spec.rows:
        kinds: tuple[tuple[str, Iterable[str], Iterable[str]], ...] = (
            ("guard", row.guards, implementation.guards),
            ("effect", row.effects, implementation.effects),
            ("error", [row.error] if row.error else [], COMMAND_ERRORS),
        )
        for kind, names, known in kinds:
            for name in names:
                if name not in known:
                    yield _unresolved(spec, kind, name, known, line=row.line)


def _unresolved(
    spec: "Spec", kind: str, name: str, known: Iterable[str], table: str = "", *, line: int = 0
) -> Finding:
    return _missing(spec, kind, name, known, table=table, line=line, where=spec.implementation)


def _missing(
    spec: "Spec",
    kind: str,
    name: str,
    known: Iterable[str],
    *,
    table: str = "",
    line: int | None = None,
    where: str = "",
) -> Finding:
    """Return the finding that *name* does not exist, at *line* or in *table*/key."""
    header, _, key = table.partition("/")
    if header:
        line = spec.lines.get(header)
    place = f"{spec.where(header)}.{key}" if header else f"{spec.place}: line {line}"
    inside = f" in {where}" if where else ""
    text = f"{kind} {name!r} does not exist{inside}{nearest(name, list(known))}"
    return Finding("unknown_name", place, text, line=line)
