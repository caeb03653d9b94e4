"""What stands in a wire recording for what is not kept: its type, and about how large it was.

A placeholder is text that begins with `?`. Replay puts a value of that type and size in its place,
so that the codec meets what it met: a number where text belongs, or a name that is too long.

==================  ==============================================================
`?text 32`          text of 17 to 32 characters; sizes are powers of two
`?number 7`         a number with seven digits before its point; `-7` a negative one
`?list 4`           a list of three or four members
`?object 64`        an object that takes 33 to 64 bytes as JSON
==================  ==============================================================

`true`, `false` and `null` stand for themselves: there is nothing in them to hide. What is made out
of a placeholder has that very placeholder.
"""

import math
import re
from typing import Any, Final

import orjson

SIZE_MAX: Final = 1 << 20
"""Largest size that is told; what is larger is as large as this."""

FILLER: Final = "x"
"""What text is made of that stands for other text."""

_PLACEHOLDER: Final = re.compile(r"\?(text|number|list|object) (-?[0-9]{1,7})")
_DIGITS_MAX: Final = 18
_LIST_MAX: Final = 65_536
_FRAME: Final = len(b'{"x":""}')


def size_class(size: int) -> int:
    """Return the least power of two that is not less than *size*, 0 for 0; at most `SIZE_MAX`."""
    return 0 if size <= 0 else min(1 << (size - 1).bit_length(), SIZE_MAX)


def placeholder(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return what is kept of *value*, which is any JSON value: nothing but its type and size."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return f"?text {size_class(len(value))}"
    if isinstance(value, int | float):
        whole = abs(int(value)) if math.isfinite(value) else 10**_DIGITS_MAX
        digits = min(len(str(whole)), _DIGITS_MAX)
        return f"?number {-digits if value < 0 else digits}"
    if isinstance(value, list):
        return f"?list {size_class(len(value))}"  # pyright: ignore[reportUnknownArgumentType] - its length only
    return f"?object {size_class(len(_dumped(value)))}"


def restored(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return *value* with something like what they stand for in place of its placeholders."""
    if isinstance(value, str):
        return _restored_text(value)
    if isinstance(value, list):
        return [restored(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {name: restored(one) for name, one in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def is_placeholder(value: object) -> bool:
    """Tell whether *value* stands for another one."""
    return isinstance(value, str) and _PLACEHOLDER.fullmatch(value) is not None


def _restored_text(text: str) -> Any:  # noqa: ANN401 - any JSON value
    found = _PLACEHOLDER.fullmatch(text)
    if found is None:
        return text
    kind, number = found[1], int(found[2])
    size = min(abs(number), SIZE_MAX)
    if kind == "text":
        return FILLER * size
    if kind == "number":
        digits = max(1, min(size, _DIGITS_MAX))
        made = 0 if digits == 1 else 10 ** (digits - 1)
        return -max(made, 1) if number < 0 else made
    if kind == "list":
        return [None] * min(size, _LIST_MAX)
    return {"x": FILLER * (size - _FRAME)} if size >= _FRAME else {}


def _dumped(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair, or a number beyond 64 bits
        return b""
