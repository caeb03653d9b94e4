"""Whether effects are as a recording has them, and where they are not.

Most are, so that is found out without writing anything: for each class of effects a function is
made that looks at the recorded object field by field. What it does not take for the same is written
out and compared as JSON, which has the last word.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, cast, get_args, get_origin

import attrs
import orjson

from hookflash.machines.codec import RecordCodec, tag_of
from hookflash.machines.conversion import decode_instant
from hookflash.machines.instants import Instant

Comparer = Callable[[dict[str, Any], Any, Instant, str], bool]
"""`same(recorded, effect, at, at_text)`: False, or any error, says that it is to be looked at
again. The instant and its text are those of the record, which many effects have as well."""

Difference = tuple[str, Any, Any]
"""Where two JSON values differ, what the recorded one has there, and what the other one."""

DIFFERENCES_MAX: Final = 50
"""Differences that are told of one record."""

_SIMPLE = frozenset({str, int, float, bool})


def comparers_of(codec: RecordCodec[Any]) -> dict[type, Comparer]:
    """Return what compares the effects of a machine, by their classes."""
    return {cls: _comparer(cls, codec) for cls in codec.machine.implementation.produces}


def same_effects(
    comparers: Mapping[type, Comparer],
    recorded: Sequence[dict[str, Any]],
    made: Sequence[Any],
    at: Instant,
    at_text: str,
) -> bool:
    """Say whether effects are as recorded; False where that is not sure."""
    if len(recorded) != len(made):
        return False
    try:
        for raw, effect in zip(recorded, made, strict=True):
            if not comparers[effect.__class__](raw, effect, at, at_text):
                return False
    except (KeyError, TypeError, ValueError):
        return False
    return True


def as_json(value: Any) -> Any:  # noqa: ANN401 - what was written for a line
    """Return *value* as reading a line gives it."""
    return orjson.loads(orjson.dumps(value))


def differences(recorded: Any, now: Any, path: str) -> list[Difference]:  # noqa: ANN401 - JSON
    """Return where two JSON values differ, at most `DIFFERENCES_MAX` places."""
    found: list[Difference] = []
    for one in _differing(recorded, now, path):
        found.append(one)
        if len(found) >= DIFFERENCES_MAX:
            break
    return found


def effect_differences(recorded: Sequence[Any], now: Sequence[Any]) -> list[Difference]:
    """Return where two lists of effects differ; one that was added or left out is found as such."""
    before, after = list(map(_kind, recorded)), list(map(_kind, now))
    if before == after:
        return differences(list(recorded), list(now), "effects")
    found: list[Difference] = []
    i = j = 0
    while i < len(before) or j < len(after):
        is_gone = i < len(before) and before[i] not in after[j:]
        is_new = j < len(after) and after[j] not in before[i:]
        if i < len(before) and j < len(after) and (before[i] == after[j] or (is_gone and is_new)):
            found += _of_pair(recorded[i], now[j], f"effects[{i}]")
            i, j = i + 1, j + 1
        elif is_new or i >= len(before):
            found.append((f"effects[{i}]", None, now[j]))
            j += 1
        else:
            found.append((f"effects[{i}]", recorded[i], None))
            i += 1
    return found[:DIFFERENCES_MAX]


# --- the parts ------------------------------------------------------------------------------------


def _of_pair(recorded: Any, now: Any, path: str) -> list[Difference]:  # noqa: ANN401 - JSON
    """Return where two effects differ; of two that have little in common that they do."""
    found = differences(recorded, now, path)
    is_another = len(found) > 1 and _kind(recorded) != _kind(now)
    return [(path, recorded, now)] if is_another else found


def _kind(effect: Any) -> str:  # noqa: ANN401 - JSON
    """Return by what effects of two lists are taken for the same: type, and name of a timer."""
    if not isinstance(effect, dict):
        return ""
    fields = cast("dict[str, Any]", effect)
    timer: Any = fields.get("timer")
    name = cast("dict[str, Any]", timer).get("name") if isinstance(timer, dict) else None
    return f"{fields.get('type')} {name or fields.get('name', '')}"


def _differing(recorded: Any, now: Any, path: str) -> Iterator[Difference]:  # noqa: ANN401 - JSON
    if isinstance(recorded, dict) and isinstance(now, dict):
        before, after = cast("dict[str, Any]", recorded), cast("dict[str, Any]", now)
        for key in dict.fromkeys([*before, *after]):
            yield from _differing(before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(recorded, list) and isinstance(now, list):
        first: list[Any] = recorded  # pyright: ignore[reportUnknownVariableType] - JSON
        second: list[Any] = now  # pyright: ignore[reportUnknownVariableType] - JSON
        for index in range(max(len(first), len(second))):
            yield from _differing(
                first[index] if index < len(first) else None,
                second[index] if index < len(second) else None,
                f"{path}[{index}]",
            )
    elif recorded != now or (recorded is None) != (now is None):
        yield path, recorded, now


def _comparer(cls: type, codec: RecordCodec[Any]) -> Comparer:
    written = _Written()
    if written.compare(cls, tag_of(cls)):
        return written.function()

    def same(recorded: dict[str, Any], effect: Any, _at: Instant, _text: str) -> bool:  # noqa: ANN401 - the class's
        return bool(recorded == as_json(codec.written((effect,)))[0])

    return same


class _Written:
    """The text of one comparer while it is written, and what its names mean."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._scope: dict[str, Any] = {"decode_instant": decode_instant}

    def function(self) -> Comparer:
        """Return the function of that text."""
        # Names of the class's own fields only, as attrs and cattrs do it themselves.
        exec("\n".join(self._lines), self._scope)  # noqa: S102 - see above
        return cast("Comparer", self._scope["same"])

    def compare(self, cls: type, tag: str | None) -> bool:
        """Write what compares a *cls*; return whether all its fields are of kinds known here.

        Args:
            cls: An attrs class.
            tag: What the recorded object has to have as its `type`; None for one that has none.
        """
        attrs.resolve_types(cls)
        fields = attrs.fields(cls)
        always = [field for field in fields if field.default is not None]
        self._lines += ["def same(recorded, made, at, at_text):"]
        if tag is not None:
            self._lines += [f"    if recorded['type'] != {tag!r}:", "        return False"]
        self._lines += [f"    count = {len(always) + (tag is not None)}"]
        return all(self._field(field) for field in fields) and self._end()

    def _end(self) -> bool:
        self._lines += ["    return len(recorded) == count"]
        return True

    def _field(self, field: "attrs.Attribute[Any]") -> bool:
        name, hint = field.name, field.type
        if field.default is None:
            # Left out where it is None.
            inner = _inner(hint)
            if inner is None:
                return False
            self._lines += [
                f"    value = made.{name}",
                "    if value is not None:",
                "        count += 1",
                *("        " + line for line in self._checked(name, inner)),
            ]
            return True
        if isinstance(hint, type) and attrs.has(hint):
            nested = _Written()
            if not nested.compare(hint, None):
                return False
            self._scope[f"same_{name}"] = nested.function()
            self._lines += [
                f"    if not same_{name}(recorded[{name!r}], made.{name}, at, at_text):",
                "        return False",
            ]
            return True
        if not _is_simple(hint):
            return False
        self._lines += [f"    value = made.{name}"]
        self._lines += ["    " + line for line in self._checked(name, hint)]
        return True

    @staticmethod
    def _checked(name: str, hint: Any) -> list[str]:  # noqa: ANN401 - any annotation
        if hint is Instant:
            other = f"recorded[{name!r}]"
            return [
                "if value == at:",
                f"    if {other} != at_text:",
                "        return False",
                f"elif decode_instant({other}) != value:",
                "    return False",
            ]
        sign = "is not" if hint is bool else "!="
        return [f"if recorded[{name!r}] {sign} value:", "    return False"]


def _inner(hint: Any) -> Any:  # noqa: ANN401 - any annotation
    """Return what an optional field holds where it is not None; None where that is not simple."""
    members = [one for one in get_args(hint) if one is not NoneType]
    if get_origin(hint) not in {Union, UnionType} or not all(map(_is_simple, members)):
        return None
    return members[0] if len(members) == 1 else str


def _is_simple(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    if hint is Instant or hint in _SIMPLE:
        return True
    if get_origin(hint) is Literal:
        return all(isinstance(one, str | int) for one in get_args(hint))
    members = get_args(hint)
    if get_origin(hint) not in {Union, UnionType}:
        return False
    return all(one is NoneType or one in _SIMPLE or get_origin(one) is Literal for one in members)
