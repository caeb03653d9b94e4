"""The trio runtime: mailboxes, timers, commands, lookups, metrics. It knows ports, no wire."""
