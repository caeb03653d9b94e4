"""Functions that rules may call, in the shape in which monitors are called."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from hookflash.machines.errors import ConfigurationError


class RuleFunction:
    """A function that is called with the items of one payload as its arguments.

    Args:
        function: A plain or an async function. One that has a parameter `rule_call` is given the
            `RuleCall`: whose call it is, and the id by which a repeat after a crash is known.

    Raises:
        ConfigurationError: Its parameters cannot be found out.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        try:
            self._wants_call = "rule_call" in inspect.signature(function).parameters
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"the parameters of {function!r} cannot be found out",
                advice="wrap it in a function of your own",
                source="functions",
            ) from error

    def __call__(self, payload: Mapping[str, Any]) -> object:
        """Call it; what it returns may have to be awaited."""
        arguments = dict(payload)
        if not self._wants_call:
            del arguments["rule_call"]
        return self._function(**arguments)


def rule_function(function: Callable[..., object]) -> Callable[[Mapping[str, Any]], object]:
    """Return *function* in the shape of a monitor: async where it is.

    Raises:
        ConfigurationError: Its parameters cannot be found out.
    """
    plain = RuleFunction(function)
    call = getattr(function, "__call__", None)  # noqa: B004 - an object's method is wanted
    if not (inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)):
        return plain

    async def as_task(payload: Mapping[str, Any]) -> object:
        return await cast("Awaitable[object]", plain(payload))

    return as_task


class Countdown:
    """Calls *done* when it has been called so many times; at once for none.

    Args:
        times: How often.
        done: What to call.
    """

    def __init__(self, times: int, done: Callable[[], None]) -> None:
        self._left = times
        self._done = done
        if times == 0:
            done()

    def __call__(self) -> None:
        """Count."""
        self._left -= 1
        if self._left == 0:
            self._done()
