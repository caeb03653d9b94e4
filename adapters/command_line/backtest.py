"""`backtest`: other rules, limits or definitions on recorded days."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from hookflash.adapters.command_line.options import Json
from hookflash.adapters.command_line.output import print_json, print_line, tell
from hookflash.machines.errors import ConfigurationError

if TYPE_CHECKING:
    from hookflash.engine.backtesting.tally import Tally

DIFFERENT_EXIT_CODE = 1


def backtest(
    recordings: Annotated[list[Path], Parameter(name="RECORDING", consume_multiple=True)],
    /,
    *,
    rules: Path | None = None,
    against: Path | None = None,
    policy: Path | None = None,
    spec: str | None = None,
    workers: int = 1,
    dask: str | None = None,
    json: Json = False,
) -> int:
    """Say what other rules, limits or another definition would have changed.

    Exit code 0 if nothing would have been otherwise, 1 if something would.

    Args:
        recordings: Recordings and journals; the parts of a journal in their order.
        rules: The rules file that is tried.
        against: The rules file that it is compared with; what rules did at the time unless given.
        policy: A config file whose [hold] table is tried.
        spec: A machine's definition that is tried: a shipped name, or the path of a TOML file.
        workers: How many processes share the work, 1 to 64.
        dask: The scheduler of a Dask cluster that does it instead, tcp://HOST:PORT.
        json: Print one line of JSON.
    """
    import time  # noqa: PLC0415 - see package

    from hookflash.adapters.backtesting import document_of, lines_of  # noqa: PLC0415 - see package
    from hookflash.adapters.backtesting.running import WORKERS_MAX, order_of  # noqa: PLC0415 - see package
    from hookflash.adapters.settings import load_settings  # noqa: PLC0415 - see package

    if rules is None and policy is None and spec is None:
        raise ConfigurationError(
            "nothing is to be tried",
            advice="give --rules, --policy or --spec",
            source="--rules",
        )
    if against is not None and rules is None:
        raise ConfigurationError(
            "--against compares two rules files", advice="give --rules too", source="--against"
        )
    if not 1 <= workers <= WORKERS_MAX:
        raise ConfigurationError(f"--workers must be from 1 to {WORKERS_MAX}", source="--workers")
    tried = None if policy is None else load_settings(policy, environ={}).hold
    names = tuple(str(one) for one in recordings)
    order = order_of(names, rules=rules, against=against, policy=tried, machine=spec)
    begun = time.monotonic()
    tally = _carried_out(order, workers, dask)
    seconds = time.monotonic() - begun
    document = document_of(tally, names)
    if json:
        print_json(document)
    else:
        for line in lines_of(document):
            print_line(line)
    events = document["events"]
    tell(f"{events:,} records in {seconds:.1f} s, {events / max(seconds, 1e-9):,.0f} a second")
    return 0 if document["status"] == "same" else DIFFERENT_EXIT_CODE


def _carried_out(order: Any, workers: int, dask: str | None) -> "Tally":  # noqa: ANN401 - see package
    if dask is not None:
        from hookflash.adapters.backtesting.cluster import run_on_cluster  # noqa: PLC0415 - see package

        return run_on_cluster(order, dask)
    from hookflash.adapters.backtesting.running import run  # noqa: PLC0415 - see package

    return run(order, workers=workers)
