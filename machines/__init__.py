"""The machines: pure and synchronous. Events in, effects out; no I/O, clock, chance or trio."""
