"""The calendar of a rules file: its time zone, opening hours and holidays, and times to come."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from attrs import field, frozen

from hookflash.machines.instants import Instant

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of the week, from Monday."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAYS_AHEAD = 8
"""A schedule that names a day of the week has its next time within so many days."""

Span = tuple[int, int]
"""From and until, in minutes since midnight; until is not part of it, and 1440 is midnight."""


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone called *name* in the IANA database.

    Raises:
        ValueError: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone") from error


@frozen
class Calendar:
    """When there is business.

    Attributes:
        timezone: The IANA name of the time zone in which hours, days and schedules are meant.
        hours: Opening hours by day of the week; None means always open.
        holidays: Days on which it is closed, `YYYY-MM-DD`.
    """

    timezone: str = "UTC"
    hours: dict[str, tuple[Span, ...]] | None = None
    holidays: frozenset[str] = field(factory=frozenset[str])

    def local(self, at: Instant) -> datetime:
        """Return the local time at *at*."""
        return (_EPOCH + timedelta(microseconds=at)).astimezone(zone_of(self.timezone))

    def is_holiday(self, local: datetime) -> bool:
        """Say whether *local* lies on a holiday."""
        return local.date().isoformat() in self.holidays

    def is_open(self, local: datetime) -> bool:
        """Say whether there is business at *local*."""
        if self.is_holiday(local):
            return False
        if self.hours is None:
            return True
        minute = local.hour * 60 + local.minute
        spans = self.hours.get(WEEKDAYS[local.weekday()], ())
        return any(start <= minute < end for start, end in spans)


def moment(at: Instant) -> datetime:
    """Return *at* as a time in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def instant_of(time: datetime) -> Instant:
    """Return the instant of a time that has a zone."""
    return Instant((time - _EPOCH) // _MICROSECOND)


@frozen
class Schedule:
    """When a rule's turn comes by itself.

    Attributes:
        times: Times of day in minutes since midnight; empty for one that repeats.
        days: Days of the week on which they count.
        timezone: The time zone in which they are meant.
        every_us: How often it repeats, in microseconds; None for one with times of day.
    """

    times: tuple[int, ...] = ()
    days: frozenset[str] = frozenset(WEEKDAYS)
    timezone: str = "UTC"
    every_us: int | None = None

    def next_after(self, at: Instant) -> Instant:
        """Return when it is due next, later than *at*.

        A time that a change of the clocks skips counts at the same distance after it; one that
        comes twice counts once, the first time.
        """
        if self.every_us is not None:
            return Instant(at + self.every_us)
        zone = zone_of(self.timezone)
        today = moment(at).astimezone(zone).date()
        due = (
            instant
            for ahead in range(_DAYS_AHEAD + 1)
            for instant in self._on(today + timedelta(days=ahead), zone)
            if instant > at
        )
        return next(due)

    def _on(self, day: date, zone: ZoneInfo) -> list[Instant]:
        if WEEKDAYS[day.weekday()] not in self.days:
            return []
        return sorted(
            instant_of(
                datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone)
            )
            for minute in self.times
        )
