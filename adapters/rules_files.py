"""Rules files on disk."""

from collections.abc import Iterable
from pathlib import Path

from hookflash.adapters.specifications import load_machine
from hookflash.machines.errors import SpecError
from hookflash.machines.policy import LIMIT_MAX_S, HoldPolicy
from hookflash.machines.rules.cases import Case, parse_cases, rules_path_of
from hookflash.machines.rules.ruleset import Rules, parse_rules
from hookflash.machines.rules.vocabulary import Names

RULES_BYTES_MAX = 1_000_000
"""Bound on a file's size: a rule has about 300 bytes, and a file at most 1,000 of them."""


def load_rules(
    path: str | Path,
    *,
    monitors: Iterable[str] | None = None,
    functions: Iterable[str] | None = None,
    policy: HoldPolicy | None = None,
    limit_max_s: float = LIMIT_MAX_S,
) -> Rules:
    """Load a rules file, ready to be asked; all of it or nothing.

    Args:
        path: The file.
        monitors: Names that `notify` may name; None lets it name any.
        functions: Names that `call` may name; None as for monitors.
        policy: The policy whose hold reasons `hold` may name; None as for monitors.
        limit_max_s: The longest limit that `extend_limit` may set, in seconds.

    Returns:
        The rules; `rules.evaluate(facts, event)` says what follows from an event.

    Raises:
        SpecError: The file cannot be read, or something in it is wrong. The message has the first
            problem with its line and a caret below the place.
    """
    text = read_rules(path)
    return parse_rules(text, str(path), names_of(monitors, functions, policy, limit_max_s))


def names_of(
    monitors: Iterable[str] | None = None,
    functions: Iterable[str] | None = None,
    policy: HoldPolicy | None = None,
    limit_max_s: float = LIMIT_MAX_S,
) -> Names:
    """Return the names that rules of the hold machine may use; see `load_rules`."""
    return Names(
        load_machine("hold").spec,
        None if monitors is None else frozenset(monitors),
        None if functions is None else frozenset(functions),
        None if policy is None else frozenset(policy.all_reasons()),
        limit_max_s,
    )


def read_rules(path: str | Path) -> str:
    """Return the text of a rules file.

    Raises:
        SpecError: There is no such file, it is no UTF-8 text, or it is too large.
    """
    file = Path(path)
    try:
        with file.open("rb") as opened:
            content = opened.read(RULES_BYTES_MAX + 1)
        if len(content) > RULES_BYTES_MAX:
            raise SpecError(
                f"{file}: larger than {RULES_BYTES_MAX} bytes",
                advice="split it by skill group or purpose",
                place=str(file),
            )
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SpecError(f"{file}: cannot be read: {reason}", place=str(file)) from error


def load_cases(path: str | Path) -> tuple[Rules, tuple[Case, ...]]:
    """Load a file of cases and the rules file that it names, relative to itself.

    Raises:
        SpecError: One of the two cannot be read, or something in it is wrong.
    """
    text = read_rules(path)
    rules = load_rules(Path(path).parent / rules_path_of(text, str(path)))
    return rules, parse_cases(text, str(path), rules)
