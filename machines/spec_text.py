"""The text of a definition: where its tables stand, and what it says apart from its layout."""

import hashlib
import re
from collections.abc import Callable
from typing import Any, cast

_entries: Callable[[Any], list[Any]] = list  # a list, of what nobody knows yet


def digest_of(document: dict[str, Any]) -> str:
    """Return the SHA-256 of what a definition says; layout and comments do not count.

    Nor does the table `diagram`, nor where events come from: how a machine is drawn and described
    makes no difference to what it does.
    """
    said = {key: value for key, value in document.items() if key != "diagram"}
    if isinstance(said.get("events"), dict):
        said["events"] = {name: _without_origin(event) for name, event in said["events"].items()}
    return hashlib.sha256(_canonical(said).encode()).hexdigest()


def _without_origin(event: Any) -> Any:  # noqa: ANN401 - any TOML value
    if not isinstance(event, dict):
        return event
    keys = cast("dict[str, Any]", event)
    return {key: value for key, value in keys.items() if key != "from"}


def _canonical(value: Any) -> str:  # noqa: ANN401 - any TOML value
    """Write *value* with sorted keys, so that only what is said counts, not how."""
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        return "{" + ",".join(f"{key!r}:{_canonical(table[key])}" for key in sorted(table)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, _entries(value))) + "]"
    return repr(value)


def row_lines(text: str) -> list[int]:
    """Return the line of each `[[transitions]]` header: TOML's parser does not tell."""
    header = re.compile(r"^\s*\[\[\s*transitions\s*\]\]")
    return [n for n, line in enumerate(text.splitlines(), start=1) if header.match(line)]


def table_lines(text: str) -> dict[str, int]:
    """Return the lines of tables, `[events.sent]` or, below `[events]`, `sent = {`."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            table = header.group(1)
            lines.setdefault(table, number)
        elif key := re.match(r"\s*([\w-]+)\s*=\s*\{", line):
            lines.setdefault(f"{table}.{key.group(1)}", number)
    return lines


def first_problem(problems: list[str], known: list[str]) -> str:
    """Return the problem to name: an unknown key first, with that of *known* that it may mean."""
    for problem in problems:
        if match := re.match(r"extra fields found \(([\w-]+).*\)", problem):
            key, place = match.group(1), problem[match.end() :]
            return f"unknown key {key!r}{place}{nearest(key, known)}"
    return problems[0]


def relocate(problem: str, text: str) -> str:
    """Add the line to a problem in a row or table, and write its keys as TOML does."""
    problem = re.sub(r"\['([^']*)'\]", r".\1", problem).replace(".cls", ".class")
    lines = table_lines(text)
    lines |= {f"transitions[{n}]": line for n, line in enumerate(row_lines(text))}
    match = re.search(r"@ \.(\w+(?:\[\d+\]|\.[\w-]+)?)", problem)
    table = match.group(1) if match else ""
    line = lines.get(table, lines.get(table.partition(".")[0]))
    return problem if line is None else f"line {line}: {problem}"


def nearest(name: str, known: list[str]) -> str:
    """Return "; did you mean …" for the known name most like *name*; "; known: …" for none."""
    import difflib  # noqa: PLC0415 - only wanted for a message

    found = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {found[0]!r}?" if found else f"; known: {', '.join(sorted(known))}"
