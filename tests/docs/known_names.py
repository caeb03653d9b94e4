"""Names that documents may use, read from the product itself."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import attrs
from tests.docs.blocks import ROOT

from hookflash.adapters.settings import MonitorSettings, Settings
from hookflash.adapters.settings.sources import PREFIX, SECRET_PATH, variable_of
from hookflash.machines.policy import GroupPolicy

TESTS_ONLY = frozenset({"HOOKFLASH_REQUIRE_ALL"})
"""Variables of the test suite, which contributors meet."""

Key = tuple[str, str, Any]
"""A key of `hookflash.toml`: its table as the file names it, its name, its default."""


def _fields(cls: type[Any]) -> "tuple[attrs.Attribute[Any], ...]":
    return tuple(attrs.fields(cls))


def _tables() -> Iterator[tuple[str, type[Any]]]:
    """Walk the tables that stand in the file at most once, by their classes."""
    for table in _fields(Settings):
        cls = cast("type[Any]", type(table.default))
        if attrs.has(cls):
            yield table.name, cls


def config_keys() -> Iterator[Key]:
    """Walk all keys that the file may have."""
    for table, cls in _tables():
        for field in _fields(cls):
            if f"{table}.{field.name}" not in {SECRET_PATH, "hold.policy"}:
                yield table, field.name, field.default
    for table, cls in (("hold.policy", GroupPolicy), ("monitor", MonitorSettings)):
        for field in _fields(cls):
            yield table, field.name, field.default


@cache
def known_variables() -> frozenset[str]:
    """Return the environment variables that the product reads."""
    names = [variable_of(f"{table}.{one.name}") for table, cls in _tables() for one in _fields(cls)]
    return frozenset([f"{PREFIX}CONFIG", *names])


@cache
def make_targets() -> frozenset[str]:
    """Return the targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
