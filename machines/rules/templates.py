"""Messages with placeholders: `{hold.elapsed_s:duration}`, checked when they are read."""

import re
from collections.abc import Callable
from typing import Any

from attrs import frozen

from hookflash.machines.rules.durations import duration_text
from hookflash.machines.rules.expressions import Fault
from hookflash.machines.rules.variables import VARIABLES
from hookflash.machines.spec_text import nearest

LENGTH_MAX = 1000
"""Characters of a message as the file has it."""

RENDERED_MAX = 2000
"""Characters of a message with its placeholders filled in; what is longer is cut off."""

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_FORMATS = ("duration", "percent")


@frozen
class Placeholder:
    """A place in a message for a variable's value.

    Attributes:
        name: The variable.
        format: How it is written: `duration`, `percent`, or empty for as it is.
    """

    name: str
    format: str = ""


@frozen
class Template:
    """A message.

    Attributes:
        text: Its text, as the file has it.
        parts: Texts and placeholders, in order.
    """

    text: str
    parts: tuple[str | Placeholder, ...]

    def render(self, value_of: Callable[[str], Any]) -> str:
        """Return the message with its values; `unknown` stands where there is none."""
        written = "".join(
            part if isinstance(part, str) else _written(value_of(part.name), part.format)
            for part in self.parts
        )
        return _CONTROL.sub(" ", written)[:RENDERED_MAX]


def _written(value: Any, form: str) -> str:  # noqa: ANN401 - of any variable's type
    if value is None:
        return "unknown"
    if form == "duration":
        return duration_text(value * 1_000_000)
    if form == "percent":
        return f"{value:.0%}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else str(value)


def read_template(text: str) -> tuple[Template | None, list[Fault]]:
    """Take a message apart.

    Returns:
        The message and nothing, or None and what is wrong with it.
    """
    if len(text) > LENGTH_MAX:
        fault = f"the text has {len(text)} characters, more than {LENGTH_MAX}"
        return None, [Fault(fault, LENGTH_MAX, "shorten it")]
    parts: list[str | Placeholder] = []
    faults: list[Fault] = []
    end = 0
    for match in _PART.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match.group() in {"{{", "}}"}:
            parts.append(match.group()[0])
        elif match.group(1) is None:
            advice = f"double it to write it: {match.group() * 2}"
            faults.append(Fault(f"a lone {match.group()!r}", match.start(), advice))
        else:
            found = _placeholder(match.group(1), match.start() + 1)
            (faults if isinstance(found, Fault) else parts).append(found)  # type: ignore[arg-type]
    parts.append(text[end:])
    if faults:
        return None, faults
    return Template(text, tuple(part for part in parts if part != "")), []


def _placeholder(inner: str, index: int) -> Placeholder | Fault:
    name, _, form = inner.strip().partition(":")
    variable = VARIABLES.get(name)
    if variable is None:
        group = [known for known in VARIABLES if known.startswith(name.partition(".")[0] + ".")]
        return Fault(
            f"unknown placeholder {name!r}",
            index,
            nearest(name, group or list(VARIABLES)).lstrip("; "),
        )
    if form and form not in _FORMATS:
        return Fault(f"unknown format {form!r}", index, f"known: {', '.join(_FORMATS)}, or none")
    if form == "duration" and not (variable.type == "int" and name.endswith("_s")):
        return Fault(f"{name} is no number of seconds", index, "leave out ':duration'")
    if form == "percent" and variable.type != "double":
        return Fault(f"{name} is no share", index, "leave out ':percent'")
    return Placeholder(name, form)
