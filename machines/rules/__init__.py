"""Rules: what should happen around holds, as a file that can be reviewed and a pure evaluation.

`reading` makes rules of a file's text and refuses what cannot be right, `evaluation` says what
follows from one event, `memory` is what a rule set remembers of one interaction, `trace` tells why.
Nothing here waits, reads, draws or asks for the time; the library for conditions is imported when
the first condition is read.
"""
