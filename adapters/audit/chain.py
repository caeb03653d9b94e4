"""The chain: what a line of the audit log says, and how it hangs on the one before it.

`hash` is the SHA-256 of the line's canonical JSON without `hash` itself; `previousHash` is the hash
of the line before, 64 zeros for the first. Canonical JSON is that of RFC 8785: keys sorted, no
white space, UTF-8. Numbers are written so that every JSON library writes them alike.
"""

import hashlib
import re
from typing import Any, Final, final

import attrs
import orjson

from hookflash.engine.metrics import percent_text
from hookflash.engine.rule_messages import Remark
from hookflash.machines.conversion import encode_instant
from hookflash.machines.effects import EndCommand, NoteForeign
from hookflash.machines.instants import Instant
from hookflash.machines.redaction import redact

FIRST_PREVIOUS_HASH: Final = "0" * 64
"""What the first line hangs on."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TEXT_LENGTH_MAX = 64
_ACTOR_LENGTH_MAX = 72
"""`rule:` and the name of a rule, which has 64 characters at most."""
_MESSAGE_LENGTH_MAX = 512


def line_hash(fields: dict[str, Any]) -> str:
    """Return the hash of a line's *fields*, which are without `hash`."""
    return hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()


@final
@attrs.define
class AuditChain:
    """Makes the lines, one after the other.

    Attributes:
        seq: The number of the last line; 0 for none.
        last_hash: Its hash.
    """

    seq: int = 0
    last_hash: str = FIRST_PREVIOUS_HASH

    def add(
        self, ended: EndCommand | NoteForeign | Remark, interaction_id: str, consistency: float
    ) -> dict[str, Any]:
        """Return the fields of the next line, hash included; the one after it hangs on it.

        Args:
            ended: What ended, or what a rule remarked.
            interaction_id: The interaction; what is no UUID is redacted and shortened.
            consistency: The state consistency rate so far, 0 to 1.
        """
        rate = percent_text(consistency)
        fields: dict[str, Any] = {
            "timestamp": _time(ended.at),
            "interactionId": shown_id(interaction_id),
            "action": "annotate" if isinstance(ended, Remark) else ended.action,
        }
        if isinstance(ended, EndCommand):
            _describe_command(fields, ended, rate)
        elif isinstance(ended, Remark):
            _describe_remark(fields, ended, rate)
        else:
            _describe_foreign(fields, ended, rate)
        fields["seq"] = self.seq + 1
        fields["previousHash"] = self.last_hash
        try:
            fields["hash"] = line_hash(fields)
        except TypeError:
            fields = _utf8(fields)
            fields["hash"] = line_hash(fields)
        self.seq += 1
        self.last_hash = fields["hash"]
        return fields


def _describe_command(fields: dict[str, Any], ended: EndCommand, rate: str) -> None:
    metadata: dict[str, Any] = {}
    if ended.reason is not None:
        metadata["reason"] = _short(ended.reason, _TEXT_LENGTH_MAX)
    metadata["priority"] = ended.priority
    metadata["latencyMs"] = latency_ms(ended.requested_at, ended.at)
    metadata["consistencyRate"] = rate
    metadata["state"] = ended.state
    if ended.error is not None:
        metadata["error"] = ended.error
    if ended.message is not None:
        metadata["message"] = _short(ended.message, _MESSAGE_LENGTH_MAX)
    if ended.retry_after_s is not None and abs(ended.retry_after_s) < 1e9:
        metadata["retryAfterS"] = _number(ended.retry_after_s)
    if ended.command_id != ended.correlation_id:
        metadata["commandId"] = ended.command_id
    fields["status"] = "success" if ended.error is None else "failed"
    fields["metadata"] = metadata
    fields["consistencyRate"] = rate
    fields["correlationId"] = ended.correlation_id
    fields["actor"] = _short(ended.actor, _ACTOR_LENGTH_MAX)
    fields["outcome"] = ended.outcome


def _describe_foreign(fields: dict[str, Any], noted: NoteForeign, rate: str) -> None:
    fields["status"] = "success"
    # Nobody waited for it: its latency is none. What consumers add up stays a number.
    fields["metadata"] = {
        "priority": None,
        "latencyMs": 0,
        "consistencyRate": rate,
        "state": noted.state,
        "since": _time(noted.since),
    }
    fields["consistencyRate"] = rate
    fields["correlationId"] = noted.correlation_id
    fields["actor"] = "foreign"
    fields["outcome"] = "confirmed"


def _describe_remark(fields: dict[str, Any], remark: Remark, rate: str) -> None:
    fields["status"] = "success"
    fields["metadata"] = {
        "priority": None,
        "latencyMs": 0,
        "consistencyRate": rate,
        "state": remark.state,
        "message": _short(remark.text, _MESSAGE_LENGTH_MAX),
    }
    fields["consistencyRate"] = rate
    fields["correlationId"] = remark.correlation_id
    fields["actor"] = _short(remark.actor, _ACTOR_LENGTH_MAX)
    fields["outcome"] = "noted"


def latency_ms(requested_at: Instant, at: Instant) -> float:
    """Return the milliseconds between the two, exact to the microsecond."""
    return _number((at - requested_at) / 1000)


def shown_id(interaction_id: str) -> str:
    """Return *interaction_id* as it may be written: only a UUID goes out as it came in."""
    if _UUID.fullmatch(interaction_id):
        return interaction_id
    return _short(interaction_id, _TEXT_LENGTH_MAX)


def _time(instant: Instant) -> str:
    """Return *instant* as `instants.to_text_ms` does, but faster."""
    return encode_instant(instant)[:-4] + "Z"


def _number(value: float) -> float:
    """Return *value* to three places, a whole number where it is one: RFC 8785 has no 5.0."""
    value = round(value, 3)
    return int(value) if value == int(value) else value


def _short(text: str, length_max: int) -> str:
    text = redact(text)
    return text if len(text) <= length_max else text[: length_max - 1] + "…"


def _utf8(value: Any) -> Any:  # noqa: ANN401 - any part of a line
    """Return *value* with half surrogate pairs replaced: UTF-8 cannot carry them."""
    if isinstance(value, dict):
        return {key: _utf8(part) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
