"""Interactions as bytes and back, in a quarter of the time that pickle takes.

An attrs object becomes a list of the number of its class and its attributes, and marshal writes the
rest: texts, numbers, truths, None and tuples. Only this process reads it, so no class is named.
"""

import marshal
from collections.abc import Callable
from typing import Any, cast, final

import attrs

from hookflash.machines.making import is_plain, maker

Flat = Callable[[Any], Any]

_SIMPLE: frozenset[type] = frozenset({str, int, float, bool, type(None)})


@final
class Packer:
    """Packs what interactions are made of; unpacks what it has packed itself."""

    def __init__(self) -> None:
        self._makers: list[Callable[..., Any]] = []
        self._flat: dict[type, Flat] = dict.fromkeys(_SIMPLE, _same)
        self._flat[tuple] = self._flat_tuple

    def pack(self, value: object) -> bytes:
        """Return *value* as bytes.

        Raises:
            TypeError: Something in it is neither simple, nor a tuple, nor an attrs object.
        """
        return marshal.dumps(self._flattened(value))

    def unpack(self, packed: bytes) -> Any:  # noqa: ANN401 - what was packed
        """Return what `pack` was given."""
        return self._made(marshal.loads(packed))  # noqa: S302 - packed by this very process

    def _flattened(self, value: Any) -> Any:  # noqa: ANN401 - any part of an interaction
        cls = value.__class__
        return (self._flat.get(cls) or self._learnt(cls))(value)

    def _flat_tuple(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(map(self._flattened, value)) if value else ()

    def _learnt(self, cls: type) -> Flat:
        """Return what flattens objects of a class that was not met before."""
        if not attrs.has(cls):
            raise TypeError(f"{cls.__name__} is no attrs class")
        number = len(self._makers)
        fields = attrs.fields(cls)
        plain = is_plain(cls)
        names = [field.name for field in fields if plain or field.init]
        self._makers.append(maker(cls) if plain else _keyword_maker(cls))
        parts = ", ".join(
            f"v if (v := o.{name}).__class__ in simple else flat(v)" for name in names
        )
        scope: dict[str, Any] = {"simple": _SIMPLE, "flat": self._flattened}
        # Names of the class's own fields only, as attrs itself does it.
        exec(f"def flatten(o):\n    return [{number}, {parts}]", scope)  # noqa: S102 - see above
        self._flat[cls] = flatten = cast("Flat", scope["flatten"])
        return flatten

    def _made(self, flat: Any) -> Any:  # noqa: ANN401 - the reverse of `_flattened`
        kind: type = flat.__class__
        if kind is list:
            number: int = flat[0]
            return self._makers[number](*[self._made(part) for part in flat[1:]])
        return tuple([self._made(part) for part in flat]) if kind is tuple else flat


def _same(value: Any) -> Any:  # noqa: ANN401 - anything simple
    return value


def _keyword_maker(cls: type) -> Callable[..., Any]:
    """Return what makes a *cls* that does more than to hold its attributes, in their order."""
    aliases = [field.alias or field.name for field in attrs.fields(cls) if field.init]

    def make(*values: Any) -> Any:  # noqa: ANN401 - its attributes
        return cls(**dict(zip(aliases, values, strict=True)))

    return make
