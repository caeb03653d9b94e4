"""Faults that a replay puts between the recorded gateway and the client."""

from collections.abc import Sequence
from random import Random
from typing import Final, final

from attrs import fields, frozen

from hookflash.machines.errors import ConfigurationError

_LATE_MAX_S: Final = 3600.0
_CLOSE_MAX: Final = 1_000_000


@frozen(kw_only=True)
class Troubles:
    """What goes wrong; without arguments nothing does.

    Attributes:
        lose_answers: Share of the answers to commands that never arrive.
        late_answers: By how many seconds each of them is late.
        repeat_answers: Share of them that arrive twice.
        garbage: Share of the messages on the control socket before which something arrives that is
            none.
        close_after: The control socket is cut after so many of them, each time; 0 for never.
        lose_lookups: Share of the lookups that get no answer but status 503.
    """

    lose_answers: float = 0.0
    late_answers: float = 0.0
    repeat_answers: float = 0.0
    garbage: float = 0.0
    close_after: int = 0
    lose_lookups: float = 0.0

    def __bool__(self) -> bool:
        return self != NO_TROUBLES


NO_TROUBLES: Final = Troubles()


def troubles_of(texts: Sequence[str]) -> Troubles:
    """Return what `--fault NAME=VALUE` asks for.

    Raises:
        ConfigurationError: A name is unknown, or a value is none.
    """
    given: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition("=")
        key = name.strip().replace("-", "_")
        if key not in _MAXIMA:
            known = ", ".join(one.replace("_", "-") for one in _MAXIMA)
            raise _problem(f"{name[:40]!r} is no fault", f"the faults are {known}")
        try:
            number = float(value)
        except ValueError:
            raise _problem(f"{text[:60]!r}: expected a number", "write NAME=VALUE") from None
        if not 0 <= number <= _MAXIMA[key] or (key == "close_after" and number != int(number)):
            raise _problem(
                f"{text[:60]!r}: expected a number from 0 to {_MAXIMA[key]:g}",
                "close-after is a whole number, late-answers are seconds, the others are shares",
            )
        given[key] = number
    close_after = int(given.pop("close_after", 0))
    return Troubles(close_after=close_after, **given)


_MAXIMA: Final = {one.name: 1.0 for one in fields(Troubles)} | {
    "late_answers": _LATE_MAX_S,
    "close_after": float(_CLOSE_MAX),
}


def _problem(text: str, advice: str) -> ConfigurationError:
    return ConfigurationError(f"option --fault: {text}", advice=advice, source="option --fault")


@final
class Mischief:
    """Draws what becomes of each message.

    Args:
        troubles: What may.
        seed: Decides it.
    """

    def __init__(self, troubles: Troubles, seed: int) -> None:
        self._troubles = troubles
        self._chance = Random(seed)  # noqa: S311 - reproducible on purpose
        self.done = 0

    def copies(self) -> int:
        """Draw how often the next answer arrives."""
        lost = self._happens(self._troubles.lose_answers)
        repeated = self._happens(self._troubles.repeat_answers)
        return 0 if lost else 2 if repeated else 1

    def brings_garbage(self) -> bool:
        """Draw whether garbage arrives before it."""
        return self._happens(self._troubles.garbage)

    def loses_lookup(self) -> bool:
        """Draw whether a lookup is not answered."""
        return self._happens(self._troubles.lose_lookups)

    def late_s(self) -> float:
        """Return by how many seconds it is late."""
        if self._troubles.late_answers:
            self.done += 1
        return self._troubles.late_answers

    def cuts_after(self, messages: int) -> bool:
        """Tell whether the socket is cut after so many messages."""
        cut = 0 < self._troubles.close_after <= messages
        self.done += cut
        return cut

    def _happens(self, share: float) -> bool:
        happens = self._chance.random() < share
        self.done += happens
        return happens
