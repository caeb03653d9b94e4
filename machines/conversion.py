"""How attrs classes become JSON values and are made of them again, strictly.

cattrs does the work; what is set here is what it takes lightly: it would read `"5"` as a number,
`5` as a text and a text as a list of its characters, and says of some errors only the key.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import homogenous_tuple_structure_factory, list_structure_factory
from cattrs.gen import make_dict_unstructure_fn, override

from hookflash.machines.instants import Instant, from_text
from hookflash.machines.redaction import redact

FREE_TEXT = frozenset({"music", "prompt", "message", "reason"})
"""Fields that may carry what somebody typed or a gateway worded: redacted in files. A class of
another machine marks further ones with `field(metadata={"free_text": True})`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_KEPT_MAX = 4096
_SHOWN_MAX = 200
_NAMED_MAX = 3

_PRIMITIVES: dict[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}

# Consecutive records share their second, so its text is kept. Two dictionaries and no "last one",
# because threads may share a codec: each look-up and each entry is one step.
_second_texts: dict[int, str] = {}
_second_values: dict[str, int] = {}

_millis = {f"{number:03d}": number * 1000 for number in range(1000)}
_micros = {f"{number:03d}Z": number for number in range(1000)}
"""What the digits of a fraction in microseconds mean, and that the text ends there, in UTC."""


def encode_instant(instant: Instant) -> str:
    """Return *instant* as ISO 8601 in UTC with microseconds; as `instants.to_text`, but faster."""
    second, fraction = divmod(instant, 1_000_000)
    text = _second_texts.get(second)
    if text is None:
        text = (_EPOCH + timedelta(seconds=second)).isoformat()[:19] + "."
        if len(_second_texts) >= _SECONDS_KEPT_MAX:
            _second_texts.clear()
        _second_texts[second] = text
    return f"{text}{fraction:06d}Z"


def decode_instant(value: Any, _: Any = None) -> Instant:  # noqa: ANN401 - whatever the file held
    """Return the instant that *value* names; as `instants.from_text`, but faster.

    Raises:
        TypeError: It is no text.
        ValueError: It is no time, or has no zone.
    """
    try:
        # Three look-ups: cutting the text up and `int` with its checks would take twice the time.
        return _second_values[value[:20]] + _millis[value[20:23]] + _micros[value[23:]]  # type: ignore[return-value]  # a NewType's call costs 60 ns
    except (KeyError, TypeError):
        return _decode_unknown_second(value)


def _decode_unknown_second(value: Any) -> Instant:  # noqa: ANN401 - whatever the file held
    if value.__class__ is not str:
        raise TypeError(_expected("a time as text", value))
    instant = from_text(value)
    millis, micros = _millis.get(value[20:23]), _micros.get(value[23:])
    if value[19:20] == "." and millis is not None and micros is not None:
        if len(_second_values) >= _SECONDS_KEPT_MAX:
            _second_values.clear()
        _second_values[value[:20]] = instant - millis - micros
    return instant


def make_converter(
    *,
    detailed: bool,
    sparse: bool = False,
    hook_of: "Callable[[attrs.Attribute[Any]], Callable[[Any], Any] | None] | None" = None,
) -> cattrs.Converter:
    """Return a strict converter between attrs classes and JSON values.

    Args:
        detailed: Whether errors say where in the document they arose; such a converter is slower.
        sparse: Whether all that is as by default is left out when it writes, not only None; what it
            writes are lists, not tuples, so that it reads them without a way through JSON.
        hook_of: Returns what writes the values of a field, None for as by its type; None redacts
            the fields with free text.
    """
    converter = cattrs.Converter(
        forbid_extra_keys=True,
        detailed_validation=detailed,
        unstruct_collection_overrides={tuple: list} if sparse else {},
    )
    for cls, words in _PRIMITIVES.items():
        converter.register_structure_hook(cls, _only(cls, words))
    converter.register_structure_hook(Instant, decode_instant)
    converter.register_unstructure_hook(Instant, encode_instant)
    converter.register_structure_hook_factory(_is_primitive_union, _union_hook)
    converter.register_structure_hook_factory(_is_literal, _literal_hook)
    converter.register_structure_hook_factory(
        _is_tuple, _list_hook(homogenous_tuple_structure_factory)
    )
    converter.register_structure_hook_factory(_is_list, _list_hook(list_structure_factory))
    converter.register_structure_hook_factory(_is_row, _row_hook)
    converter.register_unstructure_hook_factory(
        attrs.has,
        lambda cls, made: _class_writer(cls, made, sparse=sparse, hook_of=hook_of or _redacting),
    )
    return converter


def explain(converter: cattrs.Converter, value: Any, cls: type, path: str) -> None:  # noqa: ANN401 - any JSON value
    """See that *value* can be made a *cls*.

    Args:
        converter: A detailed one.
        value: A JSON value.
        cls: An attrs class.
        path: The JSON path of *value*.

    Raises:
        ValueError: It cannot; the text says where and why, first problem first.
    """
    if not isinstance(value, dict):
        at_path(path, "expected an object")
    try:
        converter.structure(value, cls)
    except Exception as error:
        problems = cattrs.transform_error(error, path=path, format_exception=_words)
        # cattrs puts the path last.
        places = [": ".join(problem.rpartition(" @ ")[::-2]) for problem in problems[:_NAMED_MAX]]
        raise ValueError("; ".join(places)) from error


def at_path(path: str, problem: str) -> NoReturn:
    """Raise the ValueError that says *problem* of what stands at *path*."""
    raise ValueError(f"{path}: {problem}")


# --- the parts ------------------------------------------------------------------------------------


def _words(error: BaseException, _: type | None) -> str:
    """Return what is wrong, in one line, without the value: files may be damaged in any way."""
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        return f"unknown keys {', '.join(sorted(map(repr, error.extra_fields)))}"[:_SHOWN_MAX]
    if isinstance(error, KeyError):
        return f"`{error.args[0]}` is missing" if error.args else "a key is missing"
    return (str(error) or type(error).__name__)[:_SHOWN_MAX]


def _expected(words: str, value: object) -> str:
    return f"expected {words}, got {_JSON_NAMES.get(type(value), type(value).__name__)}"


_JSON_NAMES: dict[type, str] = {
    NoneType: "null",
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


def _only(cls: type, words: str) -> Callable[[Any, Any], Any]:
    if cls is float:

        def number(value: Any, _: Any) -> Any:  # noqa: ANN401 - whatever the file held
            if value.__class__ is float or value.__class__ is int:
                return value
            raise TypeError(_expected(words, value))

        return number

    def only(value: Any, _: Any) -> Any:  # noqa: ANN401 - whatever the file held
        if value.__class__ is cls:
            return value
        raise TypeError(_expected(words, value))

    return only


def _members(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any annotation
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else ()


def _is_primitive_union(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    members = _members(hint)
    return bool(members) and all(
        member is NoneType or (isinstance(member, type) and member in _PRIMITIVES)
        for member in members
    )


def _union_hook(hint: Any, _: cattrs.Converter) -> Callable[[Any, Any], Any]:  # noqa: ANN401 - any annotation
    members = _members(hint)
    classes = frozenset(members) | ({int} if float in members else set[type]())
    words = " or ".join(_PRIMITIVES.get(member, "null") for member in members)

    def union(value: Any, _: Any) -> Any:  # noqa: ANN401 - whatever the file held
        if value.__class__ in classes:
            return value
        raise TypeError(_expected(words, value))

    return union


def _is_literal(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    return get_origin(hint) is Literal


def _literal_hook(hint: Any, _: cattrs.Converter) -> Callable[[Any, Any], Any]:  # noqa: ANN401 - any annotation
    allowed: dict[tuple[Any, Any], Any] = {(type(value), value): value for value in get_args(hint)}
    words = " or ".join(map(repr, get_args(hint)))

    def literal(value: Any, _: Any) -> Any:  # noqa: ANN401 - whatever the file held
        try:
            return allowed[value.__class__, value]
        except (KeyError, TypeError):
            raise ValueError(f"expected {words}") from None

    return literal


def _is_tuple(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    args = get_args(hint)
    return get_origin(hint) is tuple and len(args) == 2 and args[1] is Ellipsis


def _is_list(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    return get_origin(hint) in {list, Sequence}


def _list_hook(factory: Callable[..., Any]) -> Callable[[Any, cattrs.Converter], Any]:
    """Return *factory* with its hooks taking lists only: cattrs iterates over texts as well."""

    def make(hint: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:  # noqa: ANN401 - any annotation
        structure = factory(hint, converter)

        def of_list(value: Any, cls: Any) -> Any:  # noqa: ANN401 - whatever the file held
            if value.__class__ is not list:
                raise TypeError(_expected("a list", value))
            return structure(value, cls)

        return of_list

    return make


def _is_row(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    return get_origin(hint) is tuple and not _is_tuple(hint)


def _row_hook(hint: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:  # noqa: ANN401 - any annotation
    """Return what reads a tuple whose places have types of their own."""
    hints = get_args(hint)
    hooks = [converter.get_structure_hook(one) for one in hints]

    def of_row(value: Any, _: Any) -> Any:  # noqa: ANN401 - whatever the file held
        if value.__class__ is not list or len(value) != len(hints):
            raise TypeError(_expected(f"a list of {len(hints)}", value))
        return tuple([hook(part, one) for hook, part, one in zip(hooks, value, hints, strict=True)])

    return of_row


def _class_writer(
    cls: type,
    converter: cattrs.Converter,
    *,
    sparse: bool,
    hook_of: "Callable[[attrs.Attribute[Any]], Callable[[Any], Any] | None]",
) -> Callable[[Any], dict[str, Any]]:
    """Return the writer of an attrs class: None left out, free text redacted, the rest written."""
    attrs.resolve_types(cls)
    overrides: dict[str, Any] = {}
    for attribute in attrs.fields(cls):
        # A default of None is left out; what else is a default today may be another one tomorrow.
        overrides[attribute.name] = override(
            omit_if_default=sparse or attribute.default is None, unstruct_hook=hook_of(attribute)
        )
    write: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(cls, converter, **overrides)
    return write


def _redacting(attribute: "attrs.Attribute[Any]") -> Callable[[Any], Any] | None:
    return _redacted if _is_free_text(attribute) else None


def _is_free_text(attribute: "attrs.Attribute[Any]") -> bool:
    if str not in {attribute.type, *_members(attribute.type)}:
        return False
    marked: Mapping[Any, Any] = attribute.metadata
    return bool(marked.get("free_text", attribute.name in FREE_TEXT))


def _redacted(value: Any) -> Any:  # noqa: ANN401 - a text, or what stands in its place
    return redact(value) if value.__class__ is str else value
