"""What a definition tells whoever draws its machine: the table `[diagram]`."""

from attrs import field, frozen


@frozen
class TimerWords:
    """What a picture says of a timer's length beside the setting that the timer names.

    Attributes:
        share: The setting, 0 to 1, by which that length is multiplied; None where it counts whole.
        longest: The setting up to which the length grows; None where it does not grow.
    """

    share: str | None = None
    longest: str | None = None


@frozen
class Diagram:
    """What a definition tells whoever draws it; running a machine takes no notice of it.

    Attributes:
        path: The normal path: states and events in turn, beginning and ending with a state; empty
            for a drawing without one, None for one that is derived from the rows.
        timers: More about the lengths of timers, by name.
    """

    path: tuple[str, ...] | None = None
    timers: dict[str, TimerWords] = field(factory=dict[str, TimerWords])
