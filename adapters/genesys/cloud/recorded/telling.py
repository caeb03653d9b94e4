"""What an import has to say about its input, for people and for programs."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from hookflash.adapters.genesys.cloud.recorded.findings import REASONS, Finding, Kind, Tally
from hookflash.machines.errors import ConfigurationError

KEYS: Final[dict[Kind, str]] = {
    "passed_over": "passedOver",
    "note": "notes",
    "skipped": "skipped",
    "disagreement": "disagreements",
}
"""The key of each kind in JSON, in the order in which they are told."""

_TITLES: Final[dict[Kind, str]] = {
    "passed_over": "left out",
    "note": "to know",
    "skipped": "skipped",
    "disagreement": "disagrees",
}
_SHOWN: Final = 3


def findings_as_json(tally: Tally) -> dict[str, Any]:
    """Return, for each kind, the reasons with their counts and first places."""
    return {
        key: [
            {
                "reason": reason,
                "count": tally.counts[reason],
                "places": [_as_object(one) for one in tally.first[reason]],
            }
            for reason in _reasons(tally, kind)
        ]
        for kind, key in KEYS.items()
    }


def findings_as_text(tally: Tally) -> Iterator[str]:
    """Yield a line for each reason, and below it the first places where that is of interest."""
    for kind, title in _TITLES.items():
        for reason in _reasons(tally, kind):
            yield f"{title}: {tally.counts[reason]} x {REASONS[reason][1]} ({reason})"
            if kind == "passed_over":
                continue
            for finding in tally.first[reason][:_SHOWN]:
                words = f": {finding.words}" if finding.words else ""
                yield f"    {finding.place}{words}"
            if tally.counts[reason] > _SHOWN:
                yield f"    and {tally.counts[reason] - _SHOWN} more"


@contextmanager
def findings_file(path: Path | None) -> Generator[Callable[[Finding], None] | None, None, None]:
    """Give a function that writes a finding into a file, one JSON object a line.

    Args:
        path: The file; one that is there is replaced. None for no file and no function.

    Raises:
        ConfigurationError: It cannot be written.
    """
    if path is None:
        yield None
        return
    try:
        with path.open("wb") as file:
            yield lambda finding: _write(file.write, finding)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror or error}",
            advice="name a file in a folder that you may write to",
            source=str(path),
        ) from error


# --- the parts ------------------------------------------------------------------------------------


def _reasons(tally: Tally, kind: Kind) -> list[str]:
    return [reason for reason in REASONS if REASONS[reason][0] == kind and tally.counts[reason]]


def _as_object(finding: Finding) -> dict[str, str]:
    found = {"place": finding.place}
    return {**found, "words": finding.words} if finding.words else found


def _write(write: Callable[[bytes], object], finding: Finding) -> None:
    kind = finding.kind
    line = {"kind": kind, "reason": finding.reason, **_as_object(finding)}
    write(orjson.dumps(line) + b"\n")
