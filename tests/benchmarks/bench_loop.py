"""The bare loop: hold and unhold frames over one trio-websocket, without an engine.

The floor under `hookflash bench`: what C tasks cost that send a frame, remember its correlation id
and wait for the answer. No lookups, no machine, no journal, no timers. Prints the same JSON line.

    python tests/benchmarks/bench_loop.py --host localhost:8443 --ca-file ca.pem --pairs 5000
"""

import argparse
import ssl
import sys
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

from hookflash.adapters.command_line.pairs import Tally, figures, run_pairs
from hookflash.adapters.http import HttpClient
from hookflash.adapters.network import TcpNetwork
from hookflash.machines.errors import HoldRefused


class Loop:
    """Requests and responses over one open socket."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self._waiting: dict[str, tuple[trio.Event, list[dict[str, Any]]]] = {}

    async def receive(self) -> None:
        """Hand each answer to whoever waits for it, until the socket closes."""
        while True:
            try:
                message = await self._connection.get_message()
            except ConnectionClosed:
                return
            answer: dict[str, Any] = orjson.loads(message)
            event, answers = self._waiting.pop(answer["correlationId"])
            answers.append(answer)
            event.set()

    async def hold(self, interaction_id: str) -> None:
        """Hold an interaction."""
        await self._command(
            {
                "type": "hold",
                "interactionId": interaction_id,
                "holdReason": "consultation",
                "priority": 5,
            }
        )

    async def unhold(self, interaction_id: str) -> None:
        """Unhold an interaction."""
        await self._command({"type": "unhold", "interactionId": interaction_id, "priority": 5})

    async def _command(self, body: dict[str, Any]) -> None:
        correlation_id = str(uuid4())
        frame = {"command": "send", "correlationId": correlation_id, "body": body}
        event, answers = trio.Event(), list[dict[str, Any]]()
        self._waiting[correlation_id] = (event, answers)
        await self._connection.send_message(orjson.dumps(frame).decode())
        await event.wait()
        if answers[0]["body"]["type"] != body["type"]:
            raise HoldRefused("the gateway refused")


async def _token(host: str, ca_file: str) -> str:
    client = HttpClient(TcpNetwork(ca_file))
    form = b"grant_type=client_credentials&client_id=loop&client_secret=good"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        answer = await client.request(
            "POST", f"https://{host}/oauth/token", headers=kind, content=form
        )
    finally:
        with trio.CancelScope(shield=True):
            await client.aclose()
    return str(orjson.loads(answer.body)["access_token"])


async def measure(
    host: str, ca_file: str, pairs: int, concurrency: int, interactions: int
) -> dict[str, Any]:
    """Return the figures of so many pairs, as `hookflash bench` prints them."""
    context = ssl.create_default_context(cafile=ca_file)
    token = await _token(host, ca_file)
    url = f"wss://{host}/api/v2/interactions?access_token={token}"
    ids = [str(uuid4()) for _ in range(interactions)]
    tally = Tally(2 * pairs)
    async with open_websocket_url(url, ssl_context=context) as connection:
        loop = Loop(connection)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(loop.receive)
            started, cpu = time.perf_counter(), time.process_time()
            await run_pairs(
                (loop.hold, loop.unhold), ids, pairs=pairs, concurrency=concurrency, tally=tally
            )
            seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
            nursery.cancel_scope.cancel()
    return figures(tally, seconds, cpu_s)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program; exit code 1 if a command failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--ca-file", required=True)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--interactions", type=int)
    options = parser.parse_args(arguments)
    result = trio.run(
        measure,
        options.host,
        options.ca_file,
        options.pairs,
        options.concurrency,
        options.interactions or options.pairs,
    )
    sys.stdout.write(orjson.dumps(result).decode() + "\n")
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
