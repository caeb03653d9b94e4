"""A trio scheduler that a seed decides: the one place that touches trio's private names."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import trio._core._run

trio_run: Any = trio._core._run


@contextmanager
def deterministic(seed: int) -> Generator[None, None, None]:
    """Let *seed* decide the order in which trio runs tasks, for `trio.run` within the context.

    trio offers this to Hypothesis only; should the names go away, this fails and says so.
    """
    if not hasattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING") or not hasattr(trio_run, "_r"):
        raise RuntimeError("this trio has no deterministic scheduling; adapt tests/support")
    before = trio_run._ALLOW_DETERMINISTIC_SCHEDULING
    state = trio_run._r.getstate()
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True
    trio_run._r.seed(seed)
    try:
        yield
    finally:
        trio_run._ALLOW_DETERMINISTIC_SCHEDULING = before
        trio_run._r.setstate(state)
