"""What `maker` makes is what the class makes."""

import copy
import pickle
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


def test_a_class_that_does_more_is_refused() -> None:
    """A factory or validator would be passed over: such a class is refused when it is declared."""

    @attrs.frozen(weakref_slot=False)
    class Checked:
        values: list[int] = attrs.field(factory=list[int])

    with pytest.raises(TypeError, match=r"Checked\.values is more than set"):
        maker(Checked)


def test_a_class_with_another_layout_is_left_alone() -> None:
    """Where no twin can become the class, the class itself is the maker."""

    @attrs.frozen
    class Watched:
        value: int

    assert maker(Watched) is Watched


def test_one_stop_effect_per_timer() -> None:
    """`stop_timer` returns one object per name."""
    assert effects.stop_timer("ack") is effects.stop_timer("ack")
    assert effects.stop_timer("ack") == effects.StopTimer("ack")
