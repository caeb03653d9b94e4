"""Backtest: other rules, limits or definitions on what was recorded, and what they would change.

- `deeds`: what rules did, and which of two sets did the same
- `sides`: a rule set that is asked again, interaction by interaction
- `courses`: how one interaction went, and how long that is evidence for a side
- `tally`: what is counted; tallies of several processes add up to that of one
- `backtest`: a recording, record by record

What was recorded is evidence for a side as long as the side does nothing that would have changed
the world. From there on nobody can know, and the tally says how much that was.
"""
