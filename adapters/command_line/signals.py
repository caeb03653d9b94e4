"""Stopping: SIGTERM and Ctrl-C end a command from inside, so that it can tidy up."""

import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

T = TypeVar("T")


class Interrupted(Exception):
    """A signal ended the command; `signal_number` says which, the cause what became of it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """What shells give for a process that the signal ended: 128 and its number."""
        return 128 + self.signal_number


@asynccontextmanager
async def stop_signals() -> AsyncGenerator[Callable[[], Awaitable[int]], None]:
    """Catch SIGTERM and SIGINT inside; gives a function that waits for the first of them.

    Must be entered in the main thread. A second signal while the command tidies up does nothing
    more; what tidies up has bounds of its own.
    """
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:

        async def first() -> int:
            async for number in received:
                return number
            raise AssertionError("unreachable: signals are received until the block ends")

        yield first


async def until_stopped(job: Callable[[], Awaitable[T]]) -> T:
    """Run *job*; a stop signal cancels it.

    Returns:
        What *job* returns.

    Raises:
        Interrupted: A signal came first; *job* has ended.
        Exception: What *job* raises, inside an exception group.
    """
    results: list[T] = []
    stopped_by: list[int] = []
    async with stop_signals() as first_signal, trio.open_nursery() as nursery:

        async def watch() -> None:
            stopped_by.append(await first_signal())
            nursery.cancel_scope.cancel()

        nursery.start_soon(watch)
        results.append(await job())
        nursery.cancel_scope.cancel()
    if results:
        return results[0]
    raise Interrupted(stopped_by[0])
