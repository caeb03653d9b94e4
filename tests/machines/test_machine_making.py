"""What `maker` makes is what the class makes."""

import copy
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from hookflash.machines import effects, hold_data, interaction
from hookflash.machines.making import maker

MAKERS: list[tuple[type[Any], Callable[..., Any]]] = [
    (interaction.Pending, interaction.make_pending),
    (interaction.Timer, interaction.make_timer),
    (interaction.Interaction, interaction.make_interaction),
    (effects.SendHold, effects.make_send_hold),
    (effects.SendUnhold, effects.make_send_unhold),
    (effects.StartTimer, effects.make_start_timer),
    (effects.EndCommand, effects.make_end_command),
    (hold_data.Hold, hold_data.make_hold),
    (hold_data.Earlier, hold_data.make_earlier),
    (hold_data.HoldData, hold_data.make_hold_data),
]


@pytest.mark.parametrize(("cls", "make"), MAKERS)
def test_made_like_by_the_class(cls: type[Any], make: Callable[..., Any]) -> None:
    """Equal, of the same type and hash, frozen, and whole after copy and pickle."""
    assert make is not cls, "this interpreter lets a twin become the class"
    for count in range(len(attrs.fields(cls)) + 1):
        values: list[Any] = [f"value {number}" for number in range(count)]
        if count < sum(field.default is attrs.NOTHING for field in attrs.fields(cls)):
            with pytest.raises(TypeError):
                make(*values)
            continue
        made, ordinary = make(*values), cls(*values)
        assert type(made) is cls
        assert made == ordinary
        assert hash(made) == hash(ordinary)
        assert repr(made) == repr(ordinary)
        assert copy.deepcopy(made) == ordinary
        assert pickle.loads(pickle.dumps(made)) == ordinary  # noqa: S301 - our own bytes
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(made, attrs.fields(cls)[0].name, "changed")


@attrs.frozen
class Made:
    """Makes its list anew each time."""

    values: list[int] = attrs.field(factory=list[int])


@attrs.frozen
class Checked:
    """Looks at its value."""

    value: int = attrs.field(validator=attrs.validators.gt(0))


@attrs.frozen
class Converted:
    """Changes its value."""

    value: int = attrs.field(converter=int)


@attrs.frozen
class Computed:
    """Sets an attribute that is no parameter."""

    value: int = attrs.field(init=False, default=5)


@attrs.frozen
class Finished:
    """Does something at the end."""

    value: int

    def __attrs_post_init__(self) -> None:
        """Do something."""


@attrs.frozen(init=False)
class Own:
    """Has parameters of its own."""

    value: int

    def __init__(self, text: str) -> None:
        """Make it of a text."""
        made: Any = self
        made.__attrs_init__(len(text))


@attrs.frozen(cache_hash=True)
class Hashed:
    """Keeps its hash."""

    value: int


class Plain:
    """Is no attrs class."""


class Heir(Finished):
    """Is one only by what it inherits."""


@pytest.mark.parametrize(
    "cls", [Made, Checked, Converted, Computed, Finished, Own, Hashed, Plain, Heir]
)
def test_a_class_that_does_more_is_refused(cls: type) -> None:
    """What it does would be passed over: such a class is refused when its maker is declared."""
    with pytest.raises(TypeError, match=f"{cls.__name__} does more than to set its attributes"):
        maker(cls)


def test_classes_of_any_layout_are_made() -> None:
    """With weak references and without slots: what is made is as it should be."""

    @attrs.frozen
    class Watched:
        value: int

    @attrs.frozen(slots=False)
    class Spread:
        value: int

    for cls in (Watched, Spread):
        made = maker(cls)(5)
        assert type(made) is cls
        assert made == cls(5)
        assert weakref.ref(made)() is made


def test_one_stop_effect_per_timer() -> None:
    """`stop_timer` returns one object per name."""
    assert effects.stop_timer("ack") is effects.stop_timer("ack")
    assert effects.stop_timer("ack") == effects.StopTimer("ack")
