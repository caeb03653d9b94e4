"""What a quality monitor gets.

The first five keys are the protocol page's, the next four are ours; every payload has all nine.
Warnings and alarms are ours as well: they add the hold's name and times.
"""

from typing import Any

from hookflash.adapters.audit.chain import latency_ms, shown_id
from hookflash.engine.ports import (
    Notice,
)
from hookflash.engine.rule_messages import RuleNotice
from hookflash.machines.effects import EndCommand, NoteForeign, RaiseAlarm, Warn
from hookflash.machines.instants import to_text_ms
from hookflash.machines.redaction import redact


def payload_of(notice: Notice, interaction_id: str, effect_id: str) -> dict[str, Any]:
    """Return the payload for *notice*.

    For a warning or an alarm `status` and `outcome` are its name (`warning`, `limit_passed`,
    `release_failed`, `release_unconfirmed`, `hold_expired`), `correlationId` is the hold's name,
    `actor` is `limit`, and `latencyMs` is 0.

    Args:
        notice: What happened.
        interaction_id: The interaction; what is no UUID is redacted and shortened, as in the
            audit log.
        effect_id: Number of the record and place in it: what a monitor that is told twice, because
            the process died in between, knows the second time by.
    """
    fields = _fields(notice, interaction_id)
    fields["effectId"] = effect_id
    return fields


def payload_of_rule(notice: RuleNotice, interaction_id: str) -> dict[str, Any]:
    """Return the payload for a rule's message, or for an alarm about rules.

    `event` is `rule`; `status` and `outcome` are `message`, for the alarm that rules were stopped
    `stopped`; `correlationId` and `effectId` are the id of the rule's action.

    Args:
        notice: The message.
        interaction_id: The interaction, as for `payload_of`.
    """
    outcome = "message" if notice.to is not None else "stopped"
    return {
        "event": "rule",
        "interactionId": shown_id(interaction_id),
        "status": outcome,
        "latencyMs": 0,
        "timestamp": to_text_ms(notice.at),
        "correlationId": notice.id,
        "outcome": outcome,
        "actor": f"rule:{notice.rule}" if notice.rule else "rules",
        "effectId": notice.id,
        "message": redact(notice.message),
    }


def _fields(notice: Notice, interaction_id: str) -> dict[str, Any]:
    match notice:
        case EndCommand():
            status = "success" if notice.error is None else "failed"
            return _payload(
                notice.action,
                interaction_id,
                notice,
                status=status,
                latency=latency_ms(notice.requested_at, notice.at),
                correlation_id=notice.correlation_id,
                outcome=notice.outcome,
                actor=redact(notice.actor),
            )
        case NoteForeign():
            return _payload(
                notice.action,
                interaction_id,
                notice,
                status="success",
                correlation_id=notice.correlation_id,
                outcome="confirmed",
                actor="foreign",
            )
        case Warn():
            return _payload(
                "warning",
                interaction_id,
                notice,
                status=notice.notice,
                correlation_id=notice.hold_id,
                outcome=notice.notice,
                actor="limit",
                holdId=notice.hold_id,
                heldSince=to_text_ms(notice.since),
                limitAt=to_text_ms(notice.limit_at),
            )
        case RaiseAlarm():
            return _payload(
                "alarm",
                interaction_id,
                notice,
                status=notice.alarm,
                correlation_id=notice.hold_id,
                outcome=notice.alarm,
                actor="limit",
                holdId=notice.hold_id,
                heldSince=to_text_ms(notice.since),
                count=notice.count,
            )


def _payload(
    event: str,
    interaction_id: str,
    notice: Notice,
    *,
    status: str,
    correlation_id: str,
    outcome: str,
    actor: str,
    latency: float = 0,
    **more: object,
) -> dict[str, Any]:
    return {
        "event": event,
        "interactionId": shown_id(interaction_id),
        "status": status,
        "latencyMs": latency,
        "timestamp": to_text_ms(notice.at),
        "correlationId": correlation_id,
        "outcome": outcome,
        "actor": actor,
        **more,
    }
