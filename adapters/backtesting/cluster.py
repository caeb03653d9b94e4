"""The same backtest on a Dask cluster, when one machine is not enough.

The recordings must be readable on every worker under the same names, as on a shared file system,
and hookflash installed there. Everything else goes with the order.
"""

from typing import Any

from hookflash.adapters.backtesting.running import Order, run_share
from hookflash.engine.backtesting.tally import Tally, merged
from hookflash.machines.errors import ConfigurationError, GatewayUnavailable


def run_on_cluster(order: Order, address: str, *, connect_timeout_s: float = 10.0) -> Tally:
    """Carry out a backtest on a Dask cluster.

    Args:
        order: What is asked.
        address: The scheduler's, `tcp://HOST:PORT` or `tls://HOST:PORT`; TLS as Dask's own
            configuration says.
        connect_timeout_s: Seconds to wait for the scheduler.

    Returns:
        What was counted: the same as on one machine.

    Raises:
        ConfigurationError: Dask is not installed.
        GatewayUnavailable: The scheduler cannot be reached, or has no workers.
        MalformedRecord: A recording cannot be read; the message has its name on the worker.
        SpecError: The rules or the definition cannot be used.
    """
    try:
        import distributed  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            "a cluster needs Dask, which is not installed",
            advice="pip install 'hookflash[dask]'",
            source="--dask",
        ) from error
    order.question()
    try:
        connect: Any = distributed.Client
        client = connect(address, timeout=connect_timeout_s, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise GatewayUnavailable(
            f"the cluster's scheduler at {address} cannot be reached",
            advice="see whether `dask scheduler` runs there",
        ) from error
    with client:
        of = len(client.scheduler_info(n_workers=-1)["workers"])
        if of == 0:
            raise GatewayUnavailable(
                f"the cluster at {address} has no workers", advice="start `dask worker`"
            )
        # Each share twice as small as it could be: a worker that is lost costs half as much.
        shares = 2 * of
        futures = client.map(
            _share, [order] * shares, range(shares), [shares] * shares, pure=False, retries=2
        )
        return merged(map(Tally.from_json, client.gather(futures)))


def _share(order: Order, index: int, of: int) -> dict[str, Any]:
    return run_share(order, index, of).to_json()
