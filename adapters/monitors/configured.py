"""Webhooks as the settings describe them."""

import os

from hookflash.adapters.monitors.webhook import WebhookSettings
from hookflash.adapters.settings import MonitorSettings
from hookflash.machines.errors import ConfigurationError


def webhook_settings(monitor: MonitorSettings) -> WebhookSettings:
    """Return what a webhook needs, its secret read from where the settings say.

    Raises:
        ConfigurationError: The secret cannot be read.
    """
    secret: str | None = None
    if monitor.secret_variable is not None:
        secret = os.environ.get(monitor.secret_variable)
        if not secret:
            raise ConfigurationError(
                f"[[monitor]] secret_variable: {monitor.secret_variable} is not set",
                advice="set it, or name a secret_file",
                source="[[monitor]] secret_variable",
            )
    elif monitor.secret_file is not None:
        try:
            lines = monitor.secret_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"[[monitor]] secret_file: {monitor.secret_file} cannot be read",
                advice="see whether it exists and may be read by this user",
                source="[[monitor]] secret_file",
            ) from error
        secret = lines[0].strip() if lines else ""
    return WebhookSettings(url=monitor.url, secret=secret, timeout_s=monitor.timeout_s)
