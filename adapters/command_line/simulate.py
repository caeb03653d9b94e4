"""`simulate`: the gateway as a program."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from hookflash.adapters.command_line.output import print_line, tell
from hookflash.machines.errors import ConfigurationError

if TYPE_CHECKING:
    from hookflash.adapters.simulator import Simulator

PORT_MAX = 65_535
ACK_MS_MAX = 3_600_000.0


async def simulate(
    *,
    port: int,
    protocol: str = "interaction",
    tls_dir: Path | None = None,
    seed: int | None = None,
    faults: Path | None = None,
    ack_ms: Annotated[float, Parameter(allow_leading_hyphen=True)] = 0.0,
    record_wire: Path | None = None,
) -> int:
    """Serve a simulated gateway on localhost, over TLS, until stopped.

    Any UUID not mentioned before is an active interaction of org-1 and sg-1; any client id with
    any secret but `wrong` is accepted. Prints one line once it accepts connections, and on stderr
    what it counted when it is stopped; GET /simulator/statistics tells the same at any time.

    Args:
        port: TCP port; 0 picks one.
        protocol: The wire protocol; this version serves interaction.
        tls_dir: Folder for ca.pem, the authority that clients have to trust.
        seed: Decides when faults happen; drawn and told unless given.
        faults: TOML file with what goes wrong.
        ack_ms: How long every acknowledgement takes, in milliseconds.
        record_wire: Record what goes over the wire, redacted.
    """
    from hookflash.adapters.command_line.logs import (  # noqa: PLC0415 - see package
        configure_logging,
        level_of_environment,
    )

    _check(port, protocol, ack_ms)
    configure_logging(level_of_environment(), default="warning")
    await _serve(port, tls_dir, seed, faults, ack_ms / 1000, record_wire)
    return 0


def _check(port: int, protocol: str, ack_ms: float) -> None:
    if not 0 <= port <= PORT_MAX:
        raise ConfigurationError(
            f"option --port: must be from 0 to {PORT_MAX}, is {port}", source="option --port"
        )
    if protocol != "interaction":
        raise ConfigurationError(
            f"option --protocol: this version serves interaction, not {protocol[:40]!r}",
            source="option --protocol",
        )
    if not 0 <= ack_ms <= ACK_MS_MAX:
        raise ConfigurationError(
            f"option --ack-ms: must be from 0 to {ACK_MS_MAX:.0f}, is {ack_ms}",
            source="option --ack-ms",
        )


async def _serve(  # noqa: PLR0917 - the options
    port: int,
    tls_dir: Path | None,
    seed: int | None,
    faults: Path | None,
    ack_s: float,
    record_wire: Path | None,
) -> None:
    import attrs  # noqa: PLC0415 - see package
    import trio  # noqa: PLC0415 - see package

    from hookflash.adapters.command_line.signals import stop_signals  # noqa: PLC0415 - see package
    from hookflash.adapters.simulator import Simulator, load_faults  # noqa: PLC0415 - see package

    simulator = Simulator(
        load_faults(faults) if faults is not None else None, seed=seed, ack_delay_s=ack_s
    )
    async with (
        stop_signals() as first_signal,
        _recorded(simulator, record_wire),
        trio.open_nursery() as nursery,
    ):
        address = await nursery.start(simulator.serve_tcp, port, tls_dir)
        tell(f"seed {simulator.seed}, certificate authority {address.ca_file}")
        print_line(f"simulator ready on {address.url}")
        await first_signal()
        counted = {name: n for name, n in attrs.asdict(simulator.statistics()).items() if n}
        tell(f"counted: {json.dumps(counted)}")
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _recorded(simulator: "Simulator", path: Path | None) -> AsyncGenerator[None, None]:
    """Record what goes over its wire while the context lasts; None for no recording."""
    if path is None:
        yield
        return
    from hookflash.adapters.settings import WireSettings  # noqa: PLC0415 - see package
    from hookflash.adapters.wire.opening import gateway_header, record_into  # noqa: PLC0415 - see package
    from hookflash.engine.clock import SteadyClock  # noqa: PLC0415 - see package
    from hookflash.machines.policy import HoldPolicy  # noqa: PLC0415 - see package

    clock = SteadyClock()
    own = WireSettings(path=path)
    header = gateway_header(own, "localhost", clock.now(), HoldPolicy().all_reasons())
    recorder = record_into(own, header, clock.now)
    simulator.tap = recorder
    try:
        yield
    finally:
        simulator.tap = None
        recorder.close()
