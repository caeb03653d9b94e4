"""The world: gateways, journals, audit log, monitors, command line. Composition happens here."""
