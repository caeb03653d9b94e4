"""`hold`, `unhold` and `status`: one question or command, one answer."""

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from hookflash.adapters.command_line.options import (
    NO_GATEWAY_OPTIONS,
    NO_RECORD_OPTIONS,
    GatewayOptions,
    Json,
    RecordOptions,
    settings_of,
)
from hookflash.adapters.command_line.output import milliseconds, print_json, print_line, tell
from hookflash.machines.errors import InvalidCommand, NotEligible

if TYPE_CHECKING:
    from hookflash.adapters.command_line.asking import Ask
    from hookflash.adapters.composition import JournalChoice
    from hookflash.adapters.settings import Settings
    from hookflash.engine.commands import CommandResult
    from hookflash.engine.controller import Controller

_NOTHING_ENFORCES = (
    "note: nothing enforces a hold limit after this command; `hookflash run` does while it runs"
)


async def hold(
    interaction_id: str,
    /,
    *,
    reason: str,
    priority: Annotated[str, Parameter(allow_leading_hyphen=True)],
    music: str | None = None,
    prompt: str | None = None,
    gateway: GatewayOptions = NO_GATEWAY_OPTIONS,
    records: RecordOptions = NO_RECORD_OPTIONS,
    json: Json = False,
) -> int:
    """Put the caller of an interaction on hold.

    Args:
        interaction_id: The interaction, a UUID.
        reason: Why: queueing, consultation, system_issue or agent_break, unless configured.
        priority: Resume priority, 0 to 9.
        music: Hold music; the gateway's unless given.
        prompt: Hold prompt; the gateway's unless given.
        gateway: Where the gateway is.
        records: Where is recorded what happens.
        json: Print one line of JSON.
    """

    async def ask(controller: "Controller") -> "CommandResult":
        return await controller.hold(
            interaction_id,
            reason=reason,
            priority=_number(priority),
            music=music,
            prompt=prompt,
            deadline_s=None,
        )

    return await _one_command(ask, interaction_id, gateway, records, json=json)


async def unhold(
    interaction_id: str,
    /,
    *,
    priority: Annotated[str, Parameter(allow_leading_hyphen=True)],
    force: Annotated[bool, Parameter(negative="")] = False,
    gateway: GatewayOptions = NO_GATEWAY_OPTIONS,
    records: RecordOptions = NO_RECORD_OPTIONS,
    json: Json = False,
) -> int:
    """Take the caller of an interaction off hold.

    Args:
        interaction_id: The interaction, a UUID.
        priority: Resume priority, 0 to 9.
        force: Release a hold past its limit although its policy asks for a decision: this is it.
        gateway: Where the gateway is.
        records: Where is recorded what happens.
        json: Print one line of JSON.
    """

    async def ask(controller: "Controller") -> "CommandResult":
        return await controller.unhold(
            interaction_id, priority=_number(priority), force=force, deadline_s=None
        )

    return await _one_command(ask, interaction_id, gateway, records, json=json)


async def status(
    interaction_id: str, /, *, gateway: GatewayOptions = NO_GATEWAY_OPTIONS, json: Json = False
) -> int:
    """Say what the gateway says about an interaction now.

    Args:
        interaction_id: The interaction, a UUID.
        gateway: Where the gateway is.
        json: Print one line of JSON.
    """
    from hookflash.adapters.command_line.signals import until_stopped  # noqa: PLC0415 - see package

    settings = _prepared(gateway)
    return await until_stopped(partial(_status, settings, interaction_id, json=json))


async def _status(settings: "Settings", interaction_id: str, *, json: bool) -> int:
    import trio  # noqa: PLC0415 - see package

    from hookflash.adapters.composition import open_gateway  # noqa: PLC0415 - see package
    from hookflash.adapters.doctor import (  # noqa: PLC0415 - see package
        CLOSE_TIMEOUT_S,
        close_unconnected,
    )
    from hookflash.engine.clock import SteadyClock  # noqa: PLC0415 - see package
    from hookflash.engine.commands import id_problem  # noqa: PLC0415 - see package
    from hookflash.machines.instants import to_text_ms  # noqa: PLC0415 - see package

    if (problem := id_problem(interaction_id)) is not None:
        raise InvalidCommand(f"status failed: {problem}")
    asked = open_gateway(settings, SteadyClock())
    try:
        answer = await asked.look_up(interaction_id)
    finally:
        with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await close_unconnected(asked)
    if answer.state == "not_found":
        raise NotEligible(
            "the gateway does not know the interaction (404)",
            interaction_id=interaction_id,
            state=answer.state,
        )
    held_since = None if answer.held_since is None else to_text_ms(answer.held_since)
    facts = answer.facts
    if json:
        print_json(
            {
                "interactionId": interaction_id,
                "state": answer.state,
                "orgId": facts.org_id,
                "skillGroup": facts.skill_group_id,
                "heldSince": held_since,
            }
        )
    else:
        since = f" since {held_since}" if held_since else ""
        print_line(
            f"{interaction_id} {answer.state}{since},"
            f" org {facts.org_id or 'not given'}, skill group {facts.skill_group_id or 'not given'}"
        )
    return 0


async def _one_command(
    ask: "Ask",
    interaction_id: str,
    gateway: GatewayOptions,
    records: RecordOptions,
    *,
    json: bool,
) -> int:
    from hookflash.adapters.command_line.asking import ask_once  # noqa: PLC0415 - see package

    settings = _prepared(gateway, records)
    journal: JournalChoice = "temporary" if records.journal is None else "durable"
    result, exit_code = await ask_once(ask, settings, interaction_id, journal=journal)
    if json:
        print_json(
            {
                "status": result.status,
                "outcome": result.outcome,
                "latencyMs": milliseconds(result.latency_s),
                "correlationId": result.correlation_id,
                "interactionId": result.interaction_id,
                "state": result.state,
            }
        )
    else:
        print_line(
            f"{result.interaction_id} {result.state}: {result.outcome}"
            f" in {result.latency_s * 1000:.1f} ms, correlation id {result.correlation_id}"
        )
    tell(_NOTHING_ENFORCES)
    return exit_code


def _number(priority: str) -> Any:  # noqa: ANN401 - whatever was typed
    """Return the priority that was typed; as text where it is none, to be refused and audited."""
    return int(priority) if re.fullmatch("[0-9]", priority) else priority


def _prepared(gateway: GatewayOptions, records: RecordOptions = NO_RECORD_OPTIONS) -> "Settings":
    from hookflash.adapters.command_line.logs import configure_logging  # noqa: PLC0415 - see package

    settings = settings_of(gateway, records)
    # What goes wrong is told as the command's one error; the log would tell it twice.
    configure_logging(settings.log.level, default="critical")
    return settings
