"""`run`: the service."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hookflash.adapters.command_line.options import (
    NO_GATEWAY_OPTIONS,
    NO_RECORD_OPTIONS,
    GatewayOptions,
    Json,
    RecordOptions,
    settings_of,
)
from hookflash.adapters.command_line.output import print_json, print_line, tell

if TYPE_CHECKING:
    from hookflash.engine.controller import Controller

REFRESH_EVERY_S: Final = 0.5
LINK_EVERY_S: Final = 0.25


async def serve(
    *,
    gateway: GatewayOptions = NO_GATEWAY_OPTIONS,
    records: RecordOptions = NO_RECORD_OPTIONS,
    json: Json = False,
) -> int:
    """Keep watch over all holds until stopped: limits, monitors, journal and audit log.

    SIGTERM and Ctrl-C end it cleanly; holds are left as they are, and it says which.

    Args:
        gateway: Where the gateway is.
        records: Where is recorded what happens.
        json: Print lines of JSON: each outcome, each change of the link, and what is left at the
            end.
    """
    import trio  # noqa: PLC0415 - see package

    from hookflash.adapters.command_line.logs import configure_logging  # noqa: PLC0415 - see package
    from hookflash.adapters.command_line.service_view import (  # noqa: PLC0415 - see package
        left_json,
        left_lines,
        on_hold,
    )
    from hookflash.adapters.command_line.signals import stop_signals  # noqa: PLC0415 - see package
    from hookflash.adapters.composition import open_controller  # noqa: PLC0415 - see package

    settings = settings_of(gateway, records)
    live = sys.stdout.isatty() and not json
    configure_logging(settings.log.level, default="warning" if live else "info")
    async with stop_signals() as first_signal:
        async with open_controller(settings) as controller, trio.open_nursery() as nursery:
            if settings.rules.path is not None:
                nursery.start_soon(_reload_on_hangup, controller)
            if live:
                nursery.start_soon(show_table, controller)
            else:
                controller.add_monitor(_json_outcome if json else _plain_outcome)
                nursery.start_soon(_tell_link, controller, json)
            await first_signal()
            nursery.cancel_scope.cancel()
            left = on_hold(controller.interactions())
        if json:
            print_json(left_json(left))
        else:
            for line in left_lines(left):
                tell(line)
    return 0


async def _reload_on_hangup(controller: "Controller") -> None:
    """Load the rules file anew at each SIGHUP, until cancelled."""
    import signal  # noqa: PLC0415 - see package

    import trio  # noqa: PLC0415 - see package

    from hookflash.machines.errors import SpecError  # noqa: PLC0415 - see package

    with trio.open_signal_receiver(signal.SIGHUP) as received:
        async for _ in received:
            try:
                diff = await controller.reload_rules()
            except SpecError as error:
                tell(f"the rules were not loaded, the old ones go on: {error}")
            else:
                tell(f"rules loaded: {diff.text()}")


async def _json_outcome(payload: Mapping[str, Any]) -> None:
    print_json(payload)


async def _plain_outcome(payload: Mapping[str, Any]) -> None:
    from hookflash.adapters.command_line.service_view import outcome_line  # noqa: PLC0415 - see package

    print_line(outcome_line(payload))


async def _tell_link(controller: "Controller", json: bool) -> None:  # noqa: FBT001 - nursery.start_soon
    """Print each change of the link's state until cancelled."""
    import trio  # noqa: PLC0415 - see package

    before = ""
    while True:
        state = controller.link_state
        if state != before:
            before = state
            if json:
                print_json({"event": "link", "state": state})
            else:
                print_line(f"link {state.replace('_', ' ')}")
        await trio.sleep(LINK_EVERY_S)


async def show_table(controller: "Controller") -> None:
    """Show the live table until cancelled."""
    import trio  # noqa: PLC0415 - see package
    from rich.console import Console  # noqa: PLC0415 - see package
    from rich.live import Live  # noqa: PLC0415 - see package

    from hookflash.adapters.command_line.service_view import on_hold, picture  # noqa: PLC0415 - see package

    # No thread of its own: the table is drawn where the engine runs, between its turns.
    with Live(console=Console(), auto_refresh=False) as live:
        attempts, since = 0, trio.current_time()
        while True:
            metrics, now = controller.metrics(), trio.current_time()
            per_s = (metrics.attempts - attempts) / (now - since) if now > since else 0.0
            attempts, since = metrics.attempts, now
            view = picture(
                on_hold(controller.interactions()),
                metrics,
                link_state=controller.link_state,
                per_s=per_s,
                now=controller.now(),
            )
            live.update(view, refresh=True)
            await trio.sleep(REFRESH_EVERY_S)
