"""Replay of recordings and journals: reading them in blocks, several processes, the terminal.

- `blocks`: the lines of a file, many at a time
- `aside`: where interactions are put that nothing has happened to for long
- `choices`: what a recording is tried under, from options
- `verifying`: `verify` replays recordings and says what differs
- `workers`: the same, by several processes
- `wording`: what was found, in words
"""
