"""`replay`: a recording is stepped again, and compared; or looked at step by step, or forked."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line, tell
from hookflash.adapters.command_line.replay_wire import any_given, replay_wired, wired
from hookflash.machines.errors import ConfigurationError

if TYPE_CHECKING:
    from hookflash.adapters.replaying.choices import Request
    from hookflash.adapters.replaying.verifying import Verdict

_TOLD_EVERY_S = 2.0
_UNREADABLE = 2


def replay(
    *recordings: Path,
    rules: Path | None = None,
    spec: str | None = None,
    policy: Path | None = None,
    until: str | None = None,
    interaction: str | None = None,
    all: Annotated[bool, Parameter(negative="")] = False,  # noqa: A002 - the option's name
    workers: Annotated[int, Parameter(validator=Number(gte=1, lte=64))] = 1,
    step: Annotated[bool, Parameter(negative="")] = False,
    fork: int | None = None,
    event: str | None = None,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    speed: float | None = None,
    fault: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    seed: int | None = None,
    json: Json = False,
) -> int:
    """Step recordings again by the machines that recorded them, and compare all that follows.

    Exit code 0: all is as recorded. 1: something differs; the first difference is shown, then all
    kinds, each with its nearest explanation. 2: it cannot be read.

    Args:
        recordings: Recordings and journals, in order.
        rules: A rules file to try in place of the rules that counted.
        spec: A definition to try in place of the recorded one: `shipped`, or a path.
        policy: A config file whose [hold] is tried in place of the recorded policy.
        until: The number of the last record, or a time.
        interaction: The one interaction to replay.
        all: List every divergence.
        workers: How many processes share the work.
        step: Step through a recording in the terminal.
        fork: Continue otherwise from this record on.
        event: With --fork: the event that takes the record's place, as JSON.
        out: With --fork: write what followed as a recording.
        speed: Of a wire recording: how many times faster than recorded; as fast as it goes unless
            given.
        fault: Of a wire recording: what goes wrong beside it, as NAME=VALUE; may be repeated.
        seed: With --fault: decides when it does.
        json: Print one line of JSON; with --all one for each divergence before it.
    """
    from hookflash.adapters.replaying.choices import Request  # noqa: PLC0415 - see package

    if not recordings:
        raise ConfigurationError("no file is given", advice="name a recording", source="RECORDING")
    first, *more = recordings
    wire = wired(recordings)
    others = (rules, spec, policy, until, interaction, fork, event, out)
    if wire and (more or all or step or workers > 1 or any_given(others)):
        raise ConfigurationError(
            f"{first} is a wire recording: only --speed, --fault, --seed and --json go with it",
            advice="replay one at a time, and recordings of interactions apart from them",
            source="RECORDING",
        )
    if wire:
        return replay_wired(first, speed=speed, faults=fault, seed=seed, json=json)
    if speed is not None or fault or seed is not None:
        raise ConfigurationError(
            "options --speed, --fault and --seed go with a wire recording",
            advice="`hookflash run --record-wire FILE` makes one",
            source="option --speed" if speed is not None else "option --fault",
        )
    request = Request(
        recordings=recordings,
        rules=rules,
        spec=spec,
        policy=policy,
        until=until,
        interaction=interaction,
    )
    if fork is not None:
        return _fork(request, fork, event, out, json=json)
    if event is not None or out is not None:
        raise ConfigurationError(
            "options --event and --out go with --fork",
            advice="say with --fork at which record",
            source="option --event" if event is not None else "option --out",
        )
    if step:
        from hookflash.adapters.command_line.stepping import step_through  # noqa: PLC0415 - see package

        return step_through(request)
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


def _fork(request: "Request", seq: int, event: str | None, out: Path | None, *, json: bool) -> int:
    from hookflash.adapters.replaying import fork_wording  # noqa: PLC0415 - see package
    from hookflash.adapters.replaying.forking import fork, write_recording  # noqa: PLC0415 - see package

    branch = fork(request, seq, event)
    if json:
        print_json(fork_wording.as_json(branch))
    else:
        for line in fork_wording.as_lines(branch):
            print_line(line)
    if out is not None:
        tell(f"{out}: {write_recording(branch, out)} lines")
    return 0


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
