"""Reads values out of TOML tables and notes what is wrong with them; it never raises."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from attrs import define, field

from hookflash.machines.rules.durations import parse_duration
from hookflash.machines.rules.expressions import Fault
from hookflash.machines.rules.positions import Path
from hookflash.machines.rules.problems import Problems
from hookflash.machines.rules.templates import Template, read_template
from hookflash.machines.spec_text import nearest

T = TypeVar("T")

_KINDS: dict[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}


_entries: Callable[[Any], list[Any]] = list  # a list, of what nobody knows yet


def kind_of(value: Any) -> str:  # noqa: ANN401 - any TOML value
    """Return what *value* is, in words."""
    return _KINDS.get(value.__class__, "a date or time")


@define
class Table:
    """A table of a rules file while it is read.

    Attributes:
        values: What it holds.
        path: Its path.
        problems: Where problems are noted.
        rule: The name of the rule that it is part of; None outside of rules.
        asked: The keys that were asked for.
    """

    values: dict[str, Any]
    path: Path
    problems: Problems
    rule: str | None = None
    asked: list[str] = field(factory=list[str])

    def has(self, key: str) -> bool:
        """Say whether *key* is given."""
        if key not in self.asked:
            self.asked.append(key)
        return key in self.values

    def wrong(
        self,
        key: str | None,
        message: str,
        advice: str = "",
        *,
        index: int | None = None,
        on_key: bool = False,
    ) -> None:
        """Note that the value of *key*, or the table itself, is wrong."""
        path = self.path if key is None else (*self.path, key)
        said = message if key is None else f"{key}: {message}"
        self.problems.add(path, said, advice, rule=self.rule, index=index, key=on_key)

    def fault(self, key: str, fault: Fault) -> None:
        """Note what is wrong inside of the text of *key*."""
        self.wrong(key, fault.message, fault.advice, index=fault.index)

    def unknown_keys(self) -> None:
        """Note the keys that nobody asked for."""
        for key in self.values:
            if key not in self.asked:
                self.problems.add(
                    (*self.path, key),
                    f"unknown key {key!r}",
                    nearest(key, self.asked).lstrip("; "),
                    rule=self.rule,
                    key=True,
                )

    def _of(self, key: str, kinds: tuple[type, ...], wanted: str, advice: str) -> Any:  # noqa: ANN401 - of one of the kinds
        if not self.has(key):
            return None
        value = self.values[key]
        if type(value) in kinds:
            return value
        self.wrong(key, f"must be {wanted}, not {kind_of(value)}", advice)
        return None

    def text(self, key: str, *, length_max: int, advice: str = "") -> str | None:
        """Return the text of *key*; None where it is missing or wrong."""
        value: str | None = self._of(key, (str,), "a text in quotes", advice)
        if value is None:
            return None
        if not value.strip():
            self.wrong(key, "is empty", advice or "write something, or leave it out")
            return None
        if len(value) > length_max:
            self.wrong(key, f"has {len(value)} characters, more than {length_max}", "shorten it")
            return None
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return the flag of *key*; *default* where it is missing or wrong."""
        value = self._of(key, (bool,), "true or false", "without quotes")
        return default if value is None else bool(value)

    def whole(self, key: str, low: int, high: int) -> int | None:
        """Return the whole number of *key*; None where it is missing or wrong."""
        value: int | None = self._of(key, (int,), "a whole number", f"from {low} to {high}")
        if value is not None and not low <= value <= high:
            self.wrong(key, f"{value} is out of range", f"from {low} to {high}")
            return None
        return value

    def duration(self, key: str) -> int | None:
        """Return the duration of *key* in microseconds; None where it is missing or wrong."""
        advice = "write a number with a unit in quotes, such as '90s' or '5m'"
        value: str | None = self._of(key, (str,), "a duration", advice)
        return None if value is None else self.parsed(key, value, parse_duration)

    def parsed(self, key: str, text: str, parse: Callable[[str], T]) -> T | None:
        """Return what *parse* makes of *text*; None where it is wrong."""
        try:
            return parse(text)
        except ValueError as error:
            message, _, advice = str(error).partition("; ")
            self.wrong(key, message, advice)
            return None

    def one_of(self, key: str, known: Iterable[str]) -> str | None:
        """Return the name of *key*, which must be one of *known*."""
        value: str | None = self._of(key, (str,), "a name in quotes", "")
        if value is not None and value not in known:
            self.wrong(key, f"unknown value {value!r}", nearest(value, list(known)).lstrip("; "))
            return None
        return value

    def words(self, key: str, known: Iterable[str] | None, what: str) -> tuple[str, ...] | None:
        """Return the names of *key*, one or a list of them; None where it is missing or wrong.

        Args:
            key: The key.
            known: What they may be; None for anything.
            what: What they are, for messages.
        """
        value = self._of(key, (str, list), f"{what} or a list of them", "in quotes")
        if value is None:
            return None
        entries = _entries(value) if isinstance(value, list) else [value]
        if not entries:
            self.wrong(key, "is empty", f"name at least one {what}")
            return None
        for number, entry in enumerate(entries):
            place = key if not isinstance(value, list) else f"{key}/{number}"
            if not isinstance(entry, str):
                self._entry_wrong(place, f"must be {what}, not {kind_of(entry)}", "in quotes")
                return None
            if known is not None and entry not in known:
                near = nearest(entry, list(known)).lstrip("; ")
                self._entry_wrong(place, f"unknown {what} {entry!r}", near)
                return None
        return tuple(dict.fromkeys(entries))

    def _entry_wrong(self, place: str, message: str, advice: str) -> None:
        key, _, number = place.partition("/")
        path = (*self.path, key, int(number)) if number else (*self.path, key)
        self.problems.add(path, f"{key}: {message}", advice, rule=self.rule)

    def template(self, key: str) -> Template | None:
        """Return the message of *key*; None where it is missing or wrong."""
        text: str | None = self._of(key, (str,), "a text in quotes", "")
        if text is None:
            return None
        if not text.strip():
            self.wrong(key, "is empty", "say something")
            return None
        template, faults = read_template(text)
        for fault in faults:
            self.fault(key, fault)
        return template

    def table(self, key: str) -> "Table | None":
        """Return the table of *key*; None where it is missing or wrong."""
        value = self._of(key, (dict,), "a table", f"such as {key} = {{ … }}")
        if value is None:
            return None
        return Table(value, (*self.path, key), self.problems, self.rule)

    def tables(self, key: str, *, one: bool = False) -> "list[Table]":
        """Return the tables of *key*, a list of them; with *one* a table alone is one as well."""
        advice = f"write [[{key}]]" if not self.path else f"such as {key} = [ {{ … }} ]"
        value = self._of(key, (list, dict) if one else (list,), "a list of tables", advice)
        if value is None:
            return []
        if isinstance(value, dict):
            return [
                Table(cast("dict[str, Any]", value), (*self.path, key), self.problems, self.rule)
            ]
        found: list[Table] = []
        for number, entry in enumerate(cast("list[Any]", value)):
            path = (*self.path, key, number)
            if isinstance(entry, dict):
                inner = cast("dict[str, Any]", entry)
                found.append(Table(inner, path, self.problems, self.rule))
            else:
                self.problems.add(
                    path, f"{key}: must be a table, not {kind_of(entry)}", rule=self.rule
                )
        return found

    def missing(self, key: str, advice: str) -> None:
        """Note that *key* is missing, unless it is given."""
        if not self.has(key):
            said = f"needs the key {key!r}"
            self.problems.add(self.path, said, advice, rule=self.rule, is_unreadable=True)
