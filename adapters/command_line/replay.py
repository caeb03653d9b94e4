"""`replay`: a recording is stepped again, and compared; or looked at step by step, or forked."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line, tell
from hookflash.machines.errors import ConfigurationError

if TYPE_CHECKING:
    from hookflash.adapters.replaying.choices import Request
    from hookflash.adapters.replaying.verifying import Verdict

_TOLD_EVERY_S = 2.0
_UNREADABLE = 2


def replay(
    *recordings: Path,
    rules: Annotated[Path | None, Parameter(help="Rules to try, in place of the recorded.")] = None,
    spec: Annotated[
        str | None,
        Parameter(help="A definition to try: `shipped`, or a path; else the recorded one."),
    ] = None,
    policy: Annotated[
        Path | None,
        Parameter(help="A config file whose [hold] is tried, in place of the recorded."),
    ] = None,
    until: Annotated[str | None, Parameter(help="The last record, or a time.")] = None,
    interaction: Annotated[str | None, Parameter(help="Only this interaction.")] = None,
    all: Annotated[bool, Parameter(negative="", help="List every divergence.")] = False,  # noqa: A002 - the option's name
    workers: Annotated[
        int, Parameter(validator=Number(gte=1, lte=64), help="How many processes share the work.")
    ] = 1,
    step: Annotated[bool, Parameter(negative="", help="Step through it in the terminal.")] = False,
    fork: Annotated[
        int | None, Parameter(help="Continue otherwise from this record on.", name="--fork")
    ] = None,
    event: Annotated[
        str | None, Parameter(help="With --fork: the event in its place, as JSON.")
    ] = None,
    out: Annotated[
        Path | None, Parameter(name=["--out", "-o"], help="With --fork: write what followed.")
    ] = None,
    json: Json = False,
) -> int:
    """Step recordings again by the machines that recorded them, and compare all that follows.

    Exit code 0: all is as recorded. 1: something differs; the first difference is shown, then all
    kinds, each with its nearest explanation. 2: it cannot be read.

    Args:
        recordings: Recordings and journals, in order.
    """
    from hookflash.adapters.replaying.choices import Request  # noqa: PLC0415 - see package

    if not recordings:
        raise ConfigurationError("no file is given", advice="name a recording", source="RECORDING")
    request = Request(
        recordings=recordings,
        rules=rules,
        spec=spec,
        policy=policy,
        until=until,
        interaction=interaction,
    )
    if fork is not None or event is not None or out is not None:
        raise NotImplementedError
    if step:
        raise NotImplementedError
    return _verify(request, workers, lists=all, json=json)


def _verify(request: "Request", workers: int, *, lists: bool, json: bool) -> int:
    from hookflash.adapters.replaying.workers import verify_with  # noqa: PLC0415 - see package

    progress = _Progress(request)
    if not lists:
        verdict = verify_with(request, workers, progress=progress)
    else:
        with TemporaryDirectory(prefix="hookflash-replay-") as folder:
            listing = Path(folder) / "all.jsonl"
            verdict = verify_with(request, workers, listing=listing, progress=progress)
            _list(listing, json=json)
    _tell(verdict, json=json)
    if verdict.unreadable is not None:
        return _UNREADABLE
    return 0 if verdict.same else 1


def _list(listing: Path, *, json: bool) -> None:
    """Print every divergence: as lines of JSON, or in words."""
    import orjson  # noqa: PLC0415 - see package

    from hookflash.adapters.replaying.wording import divergence_as_lines  # noqa: PLC0415 - see package

    with listing.open("rb") as file:
        for line in file:
            if json:
                print_line(line.decode().rstrip("\n"))
            else:
                for text in divergence_as_lines(orjson.loads(line)):
                    print_line(text)


def _tell(verdict: "Verdict", *, json: bool) -> None:
    from hookflash.adapters.replaying.wording import as_json, as_lines  # noqa: PLC0415 - see package

    if json:
        print_json(as_json(verdict))
        return
    for line in as_lines(verdict):
        print_line(line)


class _Progress:
    """Says on stderr how far a replay has come, where it takes longer than some seconds."""

    def __init__(self, request: "Request") -> None:
        self._total = sum(path.stat().st_size for path in request.recordings if path.exists())
        self._begun = self._told = time.monotonic()

    def __call__(self, records: int, bytes_read: int) -> None:
        """Take up how far it has come."""
        now = time.monotonic()
        if now - self._told < _TOLD_EVERY_S:
            return
        self._told = now
        share = f", {bytes_read / self._total:.0%}" if bytes_read and self._total else ""
        speed = records / (now - self._begun)
        tell(f"{records:,} records{share}, {speed:,.0f} records/s")
