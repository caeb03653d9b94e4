"""Quality monitors: who is told of each outcome, in the process and over webhooks."""

from hookflash.adapters.monitors.desk import MonitorDesk as MonitorDesk
from hookflash.adapters.monitors.desk import MonitorStatistics as MonitorStatistics
from hookflash.adapters.monitors.payload import payload_of as payload_of
from hookflash.adapters.monitors.webhook import Webhook as Webhook
from hookflash.adapters.monitors.webhook import WebhookSettings as WebhookSettings
