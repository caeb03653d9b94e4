"""Conditions in CEL: compiled with Google's library, their errors in words that tell the fix.

The library (`cel-expr-python`) types an expression when it is compiled, counts the iterations of
its macros and matches regular expressions in linear time. It is imported when the first condition
is compiled, and only here. What makes data grow (`map`, `filter`, `+` of texts and lists) is left
out of the language, and so is what takes types away (`dyn`, `type`, `has`).
"""

import re
from functools import cache
from itertools import pairwise
from typing import Any

from attrs import frozen

from hookflash.machines.rules.clauses import Token, tokens_of
from hookflash.machines.rules.variables import VARIABLES
from hookflash.machines.spec_text import nearest

LENGTH_MAX = 1000
"""Characters of a condition: four times the longest in our cookbook."""

_CONFIG = """
stdlib:
  exclude_macros:
    - map
    - filter
    - has
  exclude_functions:
    - name: dyn
    - name: type
    - name: bytes
    - name: _+_
      overloads:
        - id: add_string
        - id: add_list
        - id: add_bytes
"""
_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")
_WORDS = {"and": "&&", "or": "||", "not": "!", "AND": "&&", "OR": "||", "NOT": "!"}
_SIGNS = {"=": "== compares", "&": "&& means and", "|": "|| means or"}
_CONSTANTS = {"True": "true", "False": "false", "None": "null", "TRUE": "true", "FALSE": "false"}
_LEFT_OUT = {
    "map": "use exists, all or exists_one on a list",
    "filter": "use exists, all or exists_one on a list",
    "has": "ask interaction.on_hold; a variable without a value makes the condition untrue",
    "dyn": "variables keep their types in conditions",
    "type": "variables keep their types in conditions",
    "bytes": "conditions compare texts as they are",
}
_FUNCTIONS = [
    *("all", "exists", "exists_one", "size", "startsWith", "endsWith", "contains", "matches"),
    *("int", "double", "string", "duration", "timestamp", "getFullYear", "getMonth", "getDate"),
    *("getDayOfWeek", "getDayOfMonth", "getDayOfYear", "getHours", "getMinutes", "getSeconds"),
]


_ONE_TYPE = "both sides must be of one type, and a text has no parts"


@frozen
class Fault:
    """What is wrong with a condition.

    Attributes:
        message: What, in one line.
        index: The index of the character in the condition.
        advice: What to write instead.
    """

    message: str
    index: int = 0
    advice: str = ""


_TOO_DEEP = Fault("the condition is nested too deep", 0, "split it into two rules")
"""For what passes our bounds and not the library's own: a sum of forty numbers."""


class NotCompiled(Exception):
    """A condition that the library refuses; `fault` says why. It never leaves this package."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@cache
def library() -> Any:  # noqa: ANN401 - the library has types of its own
    """Return the library, imported when it is first wanted: 16 MB that others do without."""
    # It ships its types without the marker that says so.
    from cel_expr_python import cel  # type: ignore[import-untyped]  # noqa: PLC0415 - see above  # pyright: ignore[reportMissingTypeStubs]

    return cel


@cache
def environment() -> Any:  # noqa: ANN401 - the library's
    """Return the environment: every variable with its type, and the functions that are let in."""
    cel = library()
    types = {
        "string": cel.Type.STRING,
        "int": cel.Type.INT,
        "double": cel.Type.DOUBLE,
        "bool": cel.Type.BOOL,
        "timestamp": cel.Type.TIMESTAMP,
    }
    return cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(_CONFIG),
        variables={one.name: types[one.type] for one in VARIABLES.values()},
    )


def compile_text(text: str) -> Any:  # noqa: ANN401 - the library's expression
    """Compile *text*; its length has been checked.

    Raises:
        NotCompiled: The library refuses it.
    """
    try:
        return environment().compile(text)
    except RuntimeError as error:
        raise NotCompiled(_fault(text, str(error))) from error
    except (TypeError, UnicodeError) as error:
        advice = "write it anew by hand"
        raise NotCompiled(Fault("the text has characters that are none", 0, advice)) from error


def result_of(expression: Any, activation: Any = None) -> tuple[Any, str]:  # noqa: ANN401 - the library's
    """Evaluate an expression.

    Returns:
        Its value and nothing, or None and why it has no value.
    """
    try:
        value = expression.eval(activation)
    except RuntimeError as error:
        return None, str(error).partition("[")[0].strip()
    plain = value.value()
    if plain is True or plain is False:
        return plain, ""  # before asking for the type, which costs as much as the value
    if value.type() == library().Type.ERROR:
        return None, str(value)
    return plain, ""


def names_in(expression: Any) -> tuple[str, ...]:  # noqa: ANN401 - the library's
    """Return the variables that a compiled expression reads, and perhaps one that it only spells.

    The checked expression lists each as a text with its length before it
    (https://github.com/google/cel-spec/blob/master/proto/cel/expr/checked.proto).
    """
    written: bytes = expression.serialize()
    return tuple(name for name, mark in _marks() if mark in written)


@cache
def _marks() -> tuple[tuple[str, bytes], ...]:
    return tuple((name, bytes([len(name)]) + name.encode()) for name in VARIABLES)


def _fault(text: str, said: str) -> Fault:
    """Say in our words what the library said."""
    first = _ERROR.search(said)
    if first is None or "recursion" in said:
        return _TOO_DEEP if "recursion" in said else Fault(said.partition("\n")[0])
    what = first[3].removesuffix(" [INVALID_ARGUMENT]")
    index = _index(text, int(first[1]), int(first[2]))
    tokens = tokens_of(text)
    undeclared, overload = _UNDECLARED.search(what), _OVERLOAD.search(what)
    if undeclared is not None:
        return _left_out(tokens) or _undeclared(text, index, undeclared[1])
    if overload is not None:
        return _mismatch(index, overload[1], overload[2])
    if what.startswith("Syntax error: "):
        return _syntax(text, tokens, index, what.removeprefix("Syntax error: "))
    return Fault(what.replace("expression of type", "a value of type"), index, _ONE_TYPE)


def _left_out(tokens: list[Token]) -> Fault | None:
    for token, following in pairwise(tokens):
        function = token.text.rpartition(".")[2]
        if token.kind == "path" and function in _LEFT_OUT and following.text == "(":
            start = token.end - len(function)
            return Fault(f"{function!r} is not part of conditions", start, _LEFT_OUT[function])
    return None


def _index(text: str, line: int, column: int) -> int:
    before = text.split("\n")[: line - 1]
    return min(len(text), sum(len(one) + 1 for one in before) + column - 1)


def _undeclared(text: str, index: int, name: str) -> Fault:
    """Say what a name may mean that the library does not know; *index* is its last dot."""
    start = index
    while start > 0 and re.match(r"[\w.]", text[start - 1]):
        start -= 1
    group = name.partition(".")[0]
    inside = [known for known in VARIABLES if known.startswith(f"{group}.")]
    if name in _CONSTANTS:
        return Fault(f"unknown name {name!r}", start, f"CEL writes {_CONSTANTS[name]}")
    if text[index : index + 1] in {"(", "."} and "." not in name and not inside:
        at = max(start, index - len(name))
        return Fault(f"unknown function {name!r}", at, nearest(name, _FUNCTIONS).lstrip("; "))
    if inside and name == group:
        return Fault(f"{name!r} is no value", start, f"it has: {', '.join(inside)}")
    known = inside or list(VARIABLES)
    return Fault(f"unknown name {name!r}", start, nearest(name, known).lstrip("; "))


def _mismatch(index: int, function: str, types: str) -> Fault:
    given = types.replace("google.protobuf.Timestamp", "timestamp").replace(
        "google.protobuf.Duration", "duration"
    )
    sign = "in" if function == "@in" else function.strip("_")
    sign = {"?_:": "? :", "[_]": "[]"}.get(sign, sign)
    message = f"{sign!r} cannot be used with {' and '.join(given.split(', '))}"
    kinds = set(given.split(", "))
    if kinds == {"int", "double"}:
        advice = "write the whole number with a point, such as 1.0, or the other without"
    elif "null_type" in kinds:
        advice = "nothing is null here; ask interaction.on_hold, or compare with ''"
    elif "string" in kinds and kinds & {"int", "double"}:
        advice = "compare texts with texts in quotes and numbers with numbers without"
    elif function in {"_&&_", "_||_", "!_"}:
        advice = "each side must be true or false: compare it with something"
    elif function == "@in":
        advice = "write a list after in, such as ['a', 'b']"
    else:
        advice = "both sides must be of one type"
    return Fault(message, index, advice)


def _syntax(text: str, tokens: list[Token], index: int, what: str) -> Fault:
    for token in tokens:
        if token.kind == "path" and token.text in _WORDS:
            return Fault(
                f"unexpected {token.text!r}", token.start, f"CEL writes {_WORDS[token.text]}"
            )
        if token.kind == "sign" and token.text in _SIGNS:
            return Fault(f"unexpected {token.text!r}", token.start, f"{_SIGNS[token.text]}")
        if token.kind == "sign" and token.text in "'\"":
            return Fault(
                "a text is not closed", token.start, "put the same quote at both of its ends"
            )
    opened = sum(token.text in ("(", "[", "{") for token in tokens if token.kind == "sign")
    closed = sum(token.text in (")", "]", "}") for token in tokens if token.kind == "sign")
    if opened != closed:
        word = "closed" if opened > closed else "opened"
        return Fault(f"a bracket is not {word}", index, "count the brackets")
    if index >= len(text.rstrip()):
        return Fault("the condition ends too early", index, "something must follow the last sign")
    found = what.partition(" expecting")[0]
    return Fault(f"this is no CEL: {found}", index, "see the reference of conditions")
