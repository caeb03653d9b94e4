"""`doctor`: whether hookflash can do its work here, and what to do where it cannot."""

from functools import partial
from typing import TYPE_CHECKING

from hookflash.adapters.command_line.options import (
    NO_GATEWAY_OPTIONS,
    GatewayOptions,
    Json,
    settings_of,
)
from hookflash.adapters.command_line.output import print_json, print_line
from hookflash.machines.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookflash.adapters.doctor import Check
    from hookflash.adapters.settings import Settings


async def doctor(*, gateway: GatewayOptions = NO_GATEWAY_OPTIONS, json: Json = False) -> int:
    """Check config, credentials, connectivity, scopes and clock; say what to do for each failure.

    Opens a control socket for a moment.

    Args:
        gateway: Where the gateway is.
        json: Print one line of JSON.
    """
    from hookflash.adapters.command_line.logs import configure_logging  # noqa: PLC0415 - see package
    from hookflash.adapters.command_line.signals import until_stopped  # noqa: PLC0415 - see package
    from hookflash.adapters.doctor import Check, exit_code_of, failed  # noqa: PLC0415 - see package

    checks: list[Check] = []

    def told(check: Check) -> None:
        checks.append(check)
        if not json:
            print_line(line_of(check))

    try:
        settings = settings_of(gateway)
    except ConfigurationError as error:
        told(failed("config", error))
    else:
        configure_logging(settings.log.level, default="critical")
        file = settings.config_file
        told(Check("config", "ok", f"read {file}" if file else "no config file; defaults"))
        await until_stopped(partial(_examine, settings, told))
    if json:
        print_json(
            {
                "status": "failed" if exit_code_of(checks) else "success",
                "checks": [
                    {
                        "check": check.name,
                        "result": check.result,
                        "message": check.message,
                        "advice": check.advice or None,
                    }
                    for check in checks
                ],
            }
        )
    return exit_code_of(checks)


async def _examine(settings: "Settings", told: "Callable[[Check], None]") -> None:
    from hookflash.adapters.doctor import examine  # noqa: PLC0415 - see package

    await examine(settings, told)


def line_of(check: "Check") -> str:
    """Return a check as one line for people."""
    advice = f" ({check.advice})" if check.advice else ""
    return f"{check.result:<7} {check.name:<11} {check.message}{advice}"
