"""`demo`: the main job against the embedded simulator, with a live table."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.machines.errors import ConfigurationError

RunDemo = Callable[..., Awaitable[int]]


async def demo(
    *,
    seed: int = 1,
    speed: Annotated[float, Parameter(allow_leading_hyphen=True)] = 1.0,
    out: Path = Path("demo-output"),
    json: Json = False,
) -> int:
    """Hold and unhold dozens of simulated interactions while things go wrong.

    Args:
        seed: Decides which faults happen when.
        speed: How many times faster than life.
        out: Folder for the recording, the audit log and the report.
        json: Print one line of JSON.
    """
    if not 0 < speed <= 1000:
        raise ConfigurationError(
            f"option --speed: must be above 0 and at most 1000, is {speed}", source="option --speed"
        )
    # By name: the demo brings the simulator along, and nothing else needs it.
    run_demo: RunDemo = import_module("hookflash.adapters.demo").run_demo
    return await run_demo(seed=seed, speed=speed, out=out, json=json)
