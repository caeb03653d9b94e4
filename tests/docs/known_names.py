"""Names that documents may use, read from the product itself."""

import re
from functools import cache

import attrs
from tests.docs.blocks import ROOT

from hookflash.adapters.settings import Settings
from hookflash.adapters.settings.sources import PREFIX, variable_of

TESTS_ONLY = frozenset({"HOOKFLASH_REQUIRE_ALL"})
"""Variables of the test suite, which contributors meet."""


@cache
def known_variables() -> frozenset[str]:
    """Return the environment variables that the product reads."""
    names = {f"{PREFIX}CONFIG"}
    for table in attrs.fields(Settings):
        if attrs.has(type(table.default)):
            fields = attrs.fields(type(table.default))
            names |= {variable_of(f"{table.name}.{field.name}") for field in fields}
    return frozenset(names)


@cache
def make_targets() -> frozenset[str]:
    """Return the targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
