"""Replay: what was recorded, stepped again by the very `Machine.step`, and compared.

- `findings`: what is found: divergences, damage, groups of equal ones
- `comparing`: whether effects are as recorded, and where they are not
- `known`: the interactions that are followed, in bounded memory
- `stepping_by`: by which machines records are stepped
- `following`: one record after the other: before, after, what differs
- `resuming`: how it goes on after a divergence
- `causes`, `changes`: the nearest explanation
- `verdicts`: rules, asked again
- `order`: records that are missing, stand twice or at the wrong place
- `replay`, `quick`: a whole recording, fast; `outcome`: what comes of it
- `reading`, `mending`: lines, whatever is wrong with them
- `sharing`: a part of the interactions, for several processes
- `asides`, `differing`, `trying_rules`: parts of following
- `tour`: forth and back through a recording
- `fork`, `evidence`: another event, and how far what was recorded still holds

Nothing here reads a file or knows the time.
"""
