"""A journal in which rules did something and something else not, for documents and commands."""

from pathlib import Path

import trio
import trio.testing
from tests.docs.blocks import ROOT, blocks_of
from tests.support.world import open_world, written

from hookflash.adapters.journal.interchange import import_recordings

VIP = "5d0c3c0e-55c8-4f4e-9a51-7a5c6d9b0011"
OTHER = "5d0c3c0e-55c8-4f4e-9a51-7a5c6d9b0012"
RULES = "\n".join(
    block.text
    for block in blocks_of(ROOT / "docs" / "rules.md")
    if block.mode == "rules" and block.argument in {"rules.toml", "vip.toml", "third-hold.toml"}
)
"""The first rule of the document, and two of its cookbook."""


async def _play(path: Path) -> None:
    async with open_world(rules=RULES) as world:
        world.simulator.put(VIP, skill_group_id="sg-vip")
        world.simulator.put(OTHER, skill_group_id="sg-sales")
        for one, reason in ((VIP, "consultation"), (OTHER, "queueing")):
            await world.controller.hold(one, reason=reason, priority=5)
        await trio.sleep(800)
        await world.controller.unhold(OTHER, priority=5)
        written(world, path)


def recording_of_rules(path: Path) -> Path:
    """Write a recording of two interactions under three rules to *path*."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(_play, path, clock=clock)
    return path


def journal_of_rules(path: Path) -> Path:
    """Make a journal of the same at *path*."""
    recording = recording_of_rules(path.with_name("rules.jsonl"))
    import_recordings([recording], path)
    recording.unlink()
    return path
