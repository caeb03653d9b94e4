"""What comes of a replay as a whole, and where it ends."""

from attrs import define, field, frozen

from hookflash.engine.replaying.findings import Damages, Groups
from hookflash.machines.instants import Instant


@frozen
class Until:
    """Where a replay ends.

    Attributes:
        seq: The last record; None for all.
        at: The last instant; None for all.
    """

    seq: int | None = None
    at: Instant | None = None

    def passed(self, seq: int, at: Instant) -> bool:
        """Say whether a record comes after it."""
        return (self.seq is not None and seq > self.seq) or (self.at is not None and at > self.at)


@define
class Findings:
    """What a replay found.

    Attributes:
        records: How many records were compared.
        groups: The divergences.
        damages: What is wrong with the recordings themselves.
        notices: What is to be known beside that, each once.
        interactions: How many interactions they are about; those that began anew count again.
        ended: Whether it ended at the place where it was to end, before the end of the recording.
    """

    records: int = 0
    groups: Groups = field(factory=Groups)
    damages: Damages = field(factory=Damages)
    notices: dict[str, None] = field(factory=dict[str, None])
    interactions: int = 0
    ended: bool = False

    @property
    def same(self) -> bool:
        """Whether all is as recorded."""
        return not (self.groups.count or self.groups.following or self.damages.count)
