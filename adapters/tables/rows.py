"""The rows of the tables, made of a recording's entries one at a time."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from hookflash.adapters.tables.columns import TableName
from hookflash.engine.ledger import LedgerHold, holds_of
from hookflash.machines.codec import tag_of
from hookflash.machines.effects import EndCommand
from hookflash.machines.records import Entry, Record
from hookflash.machines.redaction import redact

Row = tuple[Any, ...]
"""The values of a row in the order of the columns: texts, instants, numbers, truth, None."""


def hold_rows(entries: Iterable[Entry]) -> Iterator[Row]:
    """Yield the rows of the table `holds`."""
    return map(_hold_row, holds_of(entries))


def step_rows(entries: Iterable[Entry]) -> Iterator[Row]:
    """Yield the rows of the table `steps`."""
    return (_step_row(entry) for entry in entries if isinstance(entry, Record))


ROWS: Final[dict[TableName, Callable[[Iterable[Entry]], Iterator[Row]]]] = {
    "holds": hold_rows,
    "steps": step_rows,
}
"""What makes the rows of each table."""


# --- the parts ------------------------------------------------------------------------------------


def _hold_row(hold: LedgerHold) -> Row:
    return (
        hold.interaction_id,
        hold.name or None,
        hold.skill_group_id,
        hold.since,
        hold.until,
        _seconds(hold.held_us),
        hold.began,
        _free(hold.reason),
        _free(hold.actor),
        hold.foreign,
        hold.requested_at,
        _seconds(hold.latency_us),
        _seconds(hold.ack_us),
        hold.limit_at,
        _seconds(hold.limit_us),
        hold.limit_passed,
        _seconds(hold.over_limit_us),
        hold.warnings,
        hold.alarms,
        hold.expired,
        hold.ended or None,
        _free(hold.ended_by),
        hold.ended_confirmed or None,
        _seconds(hold.unhold_latency_us),
        _seconds(hold.unhold_ack_us),
        hold.first_seq,
        hold.last_seq,
    )


_TAGS: Final[dict[type, str]] = {}


def _step_row(record: Record) -> Row:
    event = record.event
    end: EndCommand | None = None
    effects: list[str] = []
    for effect in record.effects:
        effects.append(_tag(effect.__class__))
        if isinstance(effect, EndCommand):
            end = effect
    facts = getattr(event, "facts", None)
    return (
        record.seq,
        event.at,
        record.interaction_id,
        _tag(event.__class__),
        record.source,
        record.target,
        bool(record.begins),
        None if facts is None else facts.skill_group_id,
        getattr(event, "source", None),
        getattr(event, "as_of", None),
        _free(getattr(event, "actor", None)),
        _free(getattr(event, "reason", None)) if _is_request(event) else None,
        getattr(event, "priority", None),
        getattr(event, "correlation_id", None),
        " ".join(effects),
        None if end is None else end.action,
        None if end is None else end.outcome,
        None if end is None else end.error,
        None if end is None else _seconds(end.at - end.requested_at),
    )


def _is_request(event: Any) -> bool:  # noqa: ANN401 - any event
    """Tell whether the event's `reason` is a hold reason: others have reasons of other kinds."""
    return hasattr(event, "requested_at")


def _tag(cls: type) -> str:
    tag = _TAGS.get(cls)
    if tag is None:
        tag = _TAGS[cls] = tag_of(cls)
    return tag


def _free(text: str | None) -> str | None:
    """Return what somebody typed as files may have it; None for nothing."""
    return redact(text) if text else None


def _seconds(duration_us: int | None) -> float | None:
    return None if duration_us is None else duration_us / 1_000_000
