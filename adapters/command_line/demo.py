"""`demo`: the main job against the embedded simulator, with a live table."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.machines.errors import ConfigurationError


async def demo(
    *,
    seed: int = 1,
    speed: Annotated[float, Parameter(allow_leading_hyphen=True)] = 1.0,
    out: Path = Path("demo-out"),
    json: Json = False,
) -> int:
    """Hold and unhold dozens of simulated interactions while things go wrong.

    Args:
        seed: Decides which faults happen when.
        speed: How many times faster than life.
        out: Folder for the recording, the audit log and the report.
        json: Print one line of JSON.
    """
    from hookflash.adapters.demo import run_demo  # noqa: PLC0415 - see package

    if not 0 < speed <= 1000:
        raise ConfigurationError(
            f"option --speed: must be above 0 and at most 1000, is {speed}", source="option --speed"
        )
    return await run_demo(seed=seed, speed=speed, out=out, json=json)
