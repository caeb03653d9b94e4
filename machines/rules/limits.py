"""What a condition may not do, although the library would: bounds, and mistakes in its texts.

With these bounds an evaluation ends within a bound as well; `tests/machines/rules` measures it.
"""

import re
from collections.abc import Iterator, Mapping

from hookflash.machines.instants import Instant
from hookflash.machines.rules.calendar import moment
from hookflash.machines.rules.clauses import Token, nesting_of, tokens_of
from hookflash.machines.rules.expressions import (
    LENGTH_MAX,
    Fault,
    NotCompiled,
    compile_text,
    environment,
    library,
    result_of,
)
from hookflash.machines.spec_text import nearest

NESTING_MAX = 12
"""Brackets within brackets; the library refuses at 32."""

LIST_MAX = 100
"""Elements of a list."""

MACROS_MAX = 4
"""`exists`, `all` and `exists_one` in one condition; none within another."""

CLAUSES_MAX = 40
"""Clauses joined by `&&` and `||`."""

PATTERNS_MAX = 4
"""Calls of `matches` in one condition; none within a macro."""

PATTERN_LENGTH_MAX = 200
"""Characters of a regular expression."""

PATTERN_SIZE_MAX = 128
"""Characters of a regular expression with its counted repetitions written out: what RE2 takes
per character that it reads grows with it. That of a UUID has 36."""

_MACROS = frozenset({"exists", "all", "exists_one"})
_ZONED = (
    *("getFullYear", "getMonth", "getDate", "getDayOfWeek", "getDayOfMonth", "getDayOfYear"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)


def beyond_bounds(text: str) -> Fault | None:
    """Return what makes a condition too large to be compiled; None where nothing does."""
    if not text.strip():
        return Fault("the condition is empty", 0, "leave it out, or write true")
    if len(text) > LENGTH_MAX:
        return Fault(
            f"the condition has {len(text)} characters, more than {LENGTH_MAX}",
            LENGTH_MAX,
            "split it into two rules",
        )
    tokens = tokens_of(text)
    if nesting_of(tokens) > NESTING_MAX:
        deepest = max(tokens, key=lambda token: token.depth)
        return Fault(
            f"the condition is nested deeper than {NESTING_MAX}",
            deepest.start,
            "take brackets away, or split it into two rules",
        )
    joins = [token for token in tokens if token.text in {"&&", "||", "?"}]
    if len(joins) >= CLAUSES_MAX:
        return Fault(
            f"the condition has more than {CLAUSES_MAX} clauses",
            joins[CLAUSES_MAX - 1].start,
            "use a list, as in x in ['a', 'b'], or split it into two rules",
        )
    return _too_long_a_list(tokens) or _too_many_macros(tokens) or _too_many_patterns(tokens)


def _too_long_a_list(tokens: list[Token]) -> Fault | None:
    for number, opening in enumerate(tokens):
        if opening.kind != "sign" or opening.text not in "[{":
            continue
        inner = _inside(tokens, number)
        commas = sum(one.text == "," and one.depth == opening.depth + 1 for one in inner)
        if commas >= LIST_MAX:
            return Fault(
                f"a list has more than {LIST_MAX} elements", opening.start, "shorten the list"
            )
    return None


def _inside(tokens: list[Token], number: int) -> list[Token]:
    """Return the tokens within the bracket that is token *number*."""
    depth = tokens[number].depth
    inner: list[Token] = []
    for token in tokens[number + 1 :]:
        if token.depth <= depth:
            break
        inner.append(token)
    return inner


def _too_many_macros(tokens: list[Token]) -> Fault | None:
    calls = [number for number, token in enumerate(tokens[:-1]) if _is_macro(tokens, number, token)]
    if len(calls) > MACROS_MAX:
        return Fault(
            f"the condition has more than {MACROS_MAX} of exists, all and exists_one",
            tokens[calls[MACROS_MAX]].start,
            "split it into two rules",
        )
    for number in calls:
        inner = _inside(tokens, number + 1)
        for place, token in enumerate(inner[:-1]):
            if _is_macro(inner, place, token):
                return Fault(
                    "exists, all and exists_one may not stand within one another",
                    token.start,
                    "one list at a time",
                )
            if _is_call_of_matches(token):
                return Fault(
                    "matches may not stand within exists, all and exists_one",
                    token.start,
                    "write one pattern with |, such as '^(a|b)'",
                )
    return None


def _too_many_patterns(tokens: list[Token]) -> Fault | None:
    calls = [token for token in tokens if _is_call_of_matches(token)]
    if len(calls) <= PATTERNS_MAX:
        return None
    return Fault(
        f"the condition has more than {PATTERNS_MAX} of matches",
        calls[PATTERNS_MAX].start,
        "write one pattern with |, such as '^(a|b)'",
    )


def _is_call_of_matches(token: Token) -> bool:
    return token.kind == "path" and token.text.rpartition(".")[2] == "matches"


def _is_macro(tokens: list[Token], number: int, token: Token) -> bool:
    last = token.text.rpartition(".")[2]
    return token.kind == "path" and last in _MACROS and tokens[number + 1].text == "("


# --- mistakes in texts --------------------------------------------------------------------------


def wrong_literals(text: str, choices: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    """Find texts in a compiled condition that can only be mistakes.

    Args:
        text: The condition.
        choices: All values that a variable can have, for those of which they are known.
    """
    tokens = tokens_of(text)
    for number, token in enumerate(tokens):
        following = tokens[number + 1 : number + 4]
        if token.kind == "path":
            yield from _wrong_argument(token, following)
            yield from _wrong_choice(tokens, number, choices)
        elif token.text == "[" and not _is_subscript(tokens, number):
            yield from _mixed_list(text, tokens, number)


def _is_subscript(tokens: list[Token], number: int) -> bool:
    before = tokens[number - 1] if number else None
    return (
        before is not None
        and (before.kind in {"path", "string"} or before.text in ")]}")
        and (before.text != "in")
    )


def _wrong_argument(token: Token, following: list[Token]) -> Iterator[Fault]:
    function = token.text.rpartition(".")[2]
    if not following or following[0].text != "(":
        return
    argument = following[1] if len(following) > 1 else None
    is_literal = (
        argument is not None
        and argument.kind == "string"
        and len(following) > 2
        and following[2].text == ")"
    )
    if function == "matches":
        yield from _wrong_pattern(token, argument if is_literal else None)
    elif is_literal and argument is not None:
        call = _CHECKS.get(function)
        if call is not None and _fails(call[0].format(argument.text)):
            yield Fault(f"{argument.text} is no {call[1]}", argument.start, call[2])


_CHECKS: dict[str, tuple[str, str, str]] = {
    "duration": ("duration({})", "duration", "write one such as '90s', '5m' or '1h30m'"),
    "timestamp": ("timestamp({})", "time", "write one such as '2026-01-31T08:00:00Z'"),
    **{
        name: (f"now.{name}({{}})", "time zone", "write one such as 'Europe/Berlin'")
        for name in _ZONED
    },
}
"""Functions whose text can be wrong: a call that shows it, what the text should be, the advice."""


def _wrong_pattern(token: Token, argument: Token | None) -> Iterator[Fault]:
    if argument is None or "." not in token.text:
        yield Fault(
            "'matches' takes a pattern in quotes",
            token.start,
            "write it as in interaction.id.matches('^a.*z$')",
        )
    elif len(argument.text) > PATTERN_LENGTH_MAX:
        yield Fault(
            f"the pattern has more than {PATTERN_LENGTH_MAX} characters",
            argument.start,
            "use startsWith, endsWith or contains, or a list",
        )
    elif _fails(f"'a'.matches({argument.text})"):
        yield Fault(
            f"{argument.text} is no regular expression",
            argument.start,
            "RE2 reads it: no look-around and no back-references",
        )
    elif pattern_size(_text_of(argument) or "") > PATTERN_SIZE_MAX:
        yield Fault(
            f"the pattern has more than {PATTERN_SIZE_MAX} characters, repetitions written out",
            argument.start,
            "use +, * or smaller numbers",
        )


def pattern_size(pattern: str) -> int:
    """Return how many characters a regular expression has, its repetitions written out."""
    sizes, last = [0], [0]
    for match in _PATTERN_PART.finditer(pattern):
        part = match.group()
        if part == "(":
            sizes.append(0)
            last.append(0)
        elif part == ")" and len(sizes) > 1:
            last.pop()
            last[-1] = sizes.pop()
            sizes[-1] += last[-1]
        elif match["most"] is not None:
            sizes[-1] += last[-1] * (int(match["most"]) - 1)
            last[-1] *= int(match["most"])
        else:
            last[-1] = 1
            sizes[-1] += 1
    return sum(sizes)


_PATTERN_PART = re.compile(
    r"\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]?|\{(?:\d+,)?(?P<most>\d+),?\}|[\s\S]"
)
"""An escape, a class, a counted repetition with the most that it repeats, any other character."""


def _fails(call: str) -> bool:
    """Say whether *call* has no value; `now` is given."""
    activation = environment().Activation(data={"now": moment(Instant(0))})
    return bool(result_of(compile_text(call), activation)[1])


def _wrong_choice(
    tokens: list[Token], number: int, choices: Mapping[str, tuple[str, ...]]
) -> Iterator[Fault]:
    """Find texts that a variable is compared with and never has."""
    variable = tokens[number].text
    known = choices.get(variable)
    if known is None:
        return
    compared: list[Token] = []
    after = tokens[number + 1 : number + 3]
    before = tokens[max(0, number - 2) : number]
    if len(after) == 2 and after[0].text in {"==", "!="}:
        compared.append(after[1])
    if len(before) == 2 and before[1].text in {"==", "!="}:
        compared.append(before[0])
    if len(after) == 2 and after[0].text == "in" and after[1].text == "[":
        compared += [one for one in _inside(tokens, number + 2) if one.kind == "string"]
    for token in compared:
        value = _text_of(token)
        if value is not None and value not in known:
            yield Fault(
                f"{variable} is never {value!r}",
                token.start,
                nearest(value, [one for one in known if one]).lstrip("; "),
            )


def _text_of(token: Token) -> str | None:
    if token.kind != "string":
        return None
    value, _ = result_of(compile_text(token.text))
    return value if isinstance(value, str) else None


def _mixed_list(text: str, tokens: list[Token], number: int) -> Iterator[Fault]:
    inner = _inside(tokens, number)
    if not inner:
        return
    opening, closing = tokens[number], tokens[number + len(inner) + 1]
    try:
        kind = compile_text(text[opening.start : closing.end]).return_type()
    except NotCompiled:
        return  # it names the variable of a macro
    cel = library()
    if kind == cel.Type.List(cel.Type.DYN) and inner[0].text != "[":
        yield Fault("a list holds values of different types", opening.start, "one list, one type")
