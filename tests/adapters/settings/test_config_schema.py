"""`specs/config.schema.json` says the same as the settings classes."""

import json
from importlib import resources
from typing import Any, Literal, get_args, get_origin

import attrs
import jsonschema
import pytest

from hookflash.adapters.settings import Settings
from hookflash.adapters.settings.sources import FILE_NAMES, HIDDEN
from hookflash.adapters.settings.values import BadValue, check_field, fields_of, item_class

SCHEMA: dict[str, Any] = json.loads(
    resources.files("hookflash").joinpath("specs/config.schema.json").read_text("utf-8")
)

Pair = tuple[str, "attrs.Attribute[Any]", dict[str, Any]]


def tables(cls: type[Any], schema: dict[str, Any], place: str = "") -> list[Pair]:
    """All single settings of a class, each beside its part of the schema."""
    assert schema["additionalProperties"] is False
    known = {
        FILE_NAMES.get(name, name): field
        for name, field in fields_of(cls).items()
        if name not in HIDDEN and (place, name) != (".gateway", "client_secret")
    }
    assert set(known) == set(schema["properties"]), place
    required = {name for name, field in known.items() if field.default is attrs.NOTHING}
    assert required == set(schema.get("required", ()))
    found: list[Pair] = []
    for name, field in known.items():
        part = schema["properties"][name]
        here = f"{place}.{name}"
        row = item_class(field.type)
        if row is not None:
            found += tables(row, part["items"], here)
        elif field.type is not None and attrs.has(field.type):
            found += tables(field.type, part, here)
        else:
            found.append((here, field, part))
    return found


PAIRS = tables(Settings, SCHEMA)


def test_the_schema_is_one() -> None:
    """It passes the meta-schema and describes every key."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert all(part["description"] for _, _, part in PAIRS)


@pytest.mark.parametrize(("place", "field", "part"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_defaults_bounds_and_choices_agree(
    place: str, field: "attrs.Attribute[Any]", part: dict[str, Any]
) -> None:
    """What the schema allows at its bounds the class takes; what lies beyond it refuses."""
    del place
    default: object = field.default
    if isinstance(default, bool | int | float | str):
        assert part["default"] == default
    for bound, step in (("minimum", -1), ("maximum", 1)):
        if bound in part:
            check_field(field, part[bound])
            with pytest.raises(BadValue):
                check_field(field, part[bound] + step)
    choices = [kind for kind in (field.type, *get_args(field.type)) if get_origin(kind) is Literal]
    assert part.get("enum", []) == [word for kind in choices for word in get_args(kind)]


def test_the_schema_takes_a_full_file_and_refuses_a_secret() -> None:
    """As an editor would use it."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    good = {
        "gateway": {"host": "[::1]:8443", "client_id": "me"},
        "hold": {"limit_s": 60, "policy": [{"skill_group": "a", "deny": True}]},
        "monitor": [{"url": "https://example.org/x"}],
    }

    assert validator.is_valid(good)  # pyright: ignore[reportUnknownMemberType]
    assert not validator.is_valid({"gateway": {"client_secret": "x"}})  # pyright: ignore[reportUnknownMemberType]
