"""The crash test as a program: `python -m tests.crash.run --kills 500 --seed 7`."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

import trio
from tests.crash.campaign import Campaign, Settings
from tests.crash.holder import IN_TIME, OVERDUE, kill_holder

from hookflash.adapters.command_line.logs import configure_logging


def main(arguments: list[str]) -> int:
    """Run the long crash test and print its figures.

    Returns:
        0 if no invariant was broken, else 1; the files stay then.
    """
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="how often a service is killed")
    parser.add_argument("--seed", type=int, default=None, help="decides all that is random")
    parser.add_argument("--kills-per-round", type=int, default=20)
    parser.add_argument("--no-holder", action="store_true", help="only the random kills")
    options = parser.parse_args(arguments)
    configure_logging(None, default="error")
    seed = SystemRandom().randrange(2**31) if options.seed is None else options.seed
    settings = Settings(kills=options.kills, seed=seed, kills_per_round=options.kills_per_round)
    folder = Path(tempfile.mkdtemp(prefix="hookflash-crash-"))
    _tell(f"seed {seed}; files in {folder}")
    broken = trio.run(_run, settings, folder, not options.no_holder)
    if broken:
        _tell(f"{broken} broken with seed {seed}; the files are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


async def _run(settings: Settings, folder: Path, with_holder: bool) -> int:  # noqa: FBT001 - from an option
    broken = 0
    if settings.kills:
        figures = await Campaign(settings, folder, _tell).run()
        _tell(figures.text())
        broken += len(figures.broken)
    for name, case in (("in time", IN_TIME), ("overdue", OVERDUE)) if with_holder else ():
        of_case = folder / name.replace(" ", "-")
        of_case.mkdir()
        outcome = await kill_holder(case, of_case, settings.seed)
        _tell(f"{case.holds} holds of {case.limit_s:g} s, restart {name}: {outcome.text()}")
        for text in outcome.broken[:20]:
            _tell(f"BROKEN {text}")
        broken += len(outcome.broken)
    return broken


def _tell(text: str) -> None:
    os.write(sys.stdout.fileno(), f"{text}\n".encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
