"""Reading the parts of a JSON document, without ever raising: what is odd is written down.

Unknown fields do not matter, because Genesys adds some with each release. Values are never shown,
because they may be telephone numbers or addresses; only their places and what was expected there.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from attrs import define

from hookflash.adapters.genesys.cloud.recorded.findings import Finding
from hookflash.machines.instants import Instant, from_text
from hookflash.machines.redaction import redact

ID_LENGTH_MAX: Final = 64
"""Longest id that is believed; a UUID has 36 characters."""

WORD_LENGTH_MAX: Final = 48
"""Longest name out of an enumeration that is shown."""

PARTS_MAX: Final = 5_000
"""Elements of one list in a conversation that are looked at; the longest in public samples has some
dozens."""

MILLISECONDS_MAX: Final = 10 * 366 * 86_400_000
"""Longest duration that is believed: ten years."""

_EARLIEST: Final = from_text("1990-01-01T00:00:00Z")
_LATEST: Final = from_text("2200-01-01T00:00:00Z")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]*")
_WORD: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")


@define
class Part:
    """A JSON object in a document.

    Attributes:
        fields: Its fields.
        path: Its JSON path in the document, beginning with `$`.
        place: Where the document stands, for messages.
        findings: What was odd so far; all parts of a document share the list.
    """

    fields: dict[str, Any]
    path: str
    place: str
    findings: list[Finding]

    def odd(self, reason: str, name: str = "", words: str = "") -> None:
        """Write down that the field *name* is odd; empty for the whole part."""
        path = f"{self.path}.{name}" if name else self.path
        self.findings.append(Finding(reason, f"{self.place}: {path}", words))

    def id(self, name: str) -> str | None:
        """Return the id in the field *name*; None where there is none that can be one."""
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.odd("wrong_type", name, "expected text")
            return None
        if _UUID.fullmatch(value):
            return value
        if len(value) > ID_LENGTH_MAX or not _ID.fullmatch(value):
            self.odd("odd_id", name, f"expected up to {ID_LENGTH_MAX} letters, digits, and ._:-")
            return None
        if redact(value) != value:
            # What looks like a telephone number does not get into a recording as an id.
            self.odd("odd_id", name, "looks like a number to dial")
            return None
        return value

    def word(self, name: str) -> str | None:
        """Return the name out of an enumeration in the field *name*, in small letters."""
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.odd("wrong_type", name, "expected text")
            return None
        return word_of(value)

    def flag(self, name: str) -> bool | None:
        """Return the truth value in the field *name*; None where there is none."""
        value = self.fields.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.odd("wrong_type", name, "expected true or false")
        return None

    def instant(self, name: str) -> Instant | None:
        """Return the time in the field *name*: ISO 8601, or milliseconds since 1970.

        None where there is none, or none that can be one.
        """
        value = self.fields.get(name)
        if value is None:
            return None
        try:
            if isinstance(value, str):
                instant = from_text(value)
            elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
                # The range first, as in `milliseconds`; anything outside of it is no time.
                in_range = 0 <= value <= _LATEST // 1000
                instant = Instant(int(value * 1000) if in_range else -1)
            else:
                self.odd("wrong_type", name, "expected a time")
                return None
        except (ValueError, OverflowError):
            self.odd("odd_time", name, "expected a time with a zone")
            return None
        if not _EARLIEST <= instant < _LATEST:
            self.odd("odd_time", name, "expected a time from 1990 to 2199")
            return None
        return instant

    def milliseconds(self, name: str) -> int | None:
        """Return the duration in the field *name*, in milliseconds; None where there is none."""
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            self.odd("wrong_type", name, "expected a number")
            return None
        # The range first: the whole number of a Decimal such as 1e999999999 fills the memory.
        if not 0 <= value <= MILLISECONDS_MAX or int(value) != value:
            self.odd("odd_number", name, "expected a whole number of milliseconds")
            return None
        return int(value)

    def part(self, name: str) -> "Part | None":
        """Return the object in the field *name*; None where there is none."""
        value = self.fields.get(name)
        if value is None:
            return None
        if value.__class__ is not dict:
            self.odd("not_an_object", name)
            return None
        return Part(value, f"{self.path}.{name}", self.place, self.findings)

    def parts(self, name: str, most: int | None = None) -> "Iterator[Part]":
        """Yield the objects of the list in the field *name*; nothing where there is none.

        Args:
            name: The field.
            most: How many are looked at; None for `PARTS_MAX`.
        """
        elements: Any = self.fields.get(name)
        if elements is None:
            return
        if elements.__class__ is not list:
            self.odd("wrong_type", name, "expected a list")
            return
        path, most = f"{self.path}.{name}", PARTS_MAX if most is None else most
        for number, element in enumerate(elements[:most]):
            part = Part(element, f"{path}[{number}]", self.place, self.findings)
            if element.__class__ is dict:
                yield part
            else:
                part.odd("not_an_object")
        if len(elements) > most:
            self.odd("too_many", name, f"{len(elements)} elements; {most} are looked at")

    def reference(self, name: str) -> str | None:
        """Return an id that stands as `nameId`, or as `id` in an object called *name*.

        Topics of one medium have the object, those of all media the id.
        """
        flat = self.id(f"{name}Id")
        if flat is not None:
            return flat
        inner = self.part(name)
        return None if inner is None else inner.id("id")


def word_of(value: str) -> str:
    """Return a name out of an enumeration in small letters; `?` for what cannot be one."""
    if len(value) > WORD_LENGTH_MAX or not _WORD.fullmatch(value) or redact(value) != value:
        return "?"
    return value.lower()
