"""The rules file of a running engine: loaded, watched, and loaded anew."""

from collections.abc import Callable
from pathlib import Path
from typing import final

import trio

from hookflash.adapters.journal.syncing import OneThread
from hookflash.adapters.rules_files import names_of
from hookflash.engine.logs import get_logger
from hookflash.engine.rule_desk import RuleDesk
from hookflash.machines.errors import HookflashError, SpecError
from hookflash.machines.records import RulesChange
from hookflash.machines.rules.ruleset import Rules, RulesDiff, parse_rules

_log = get_logger("hookflash.rules")

_Stamp = tuple[int, int, int] | None


@final
class LiveRulesFile:
    """Keeps the rules of an engine as the file has them.

    Args:
        path: The file.
        load: Loads it, with the names that it may use.
        desk: Puts rules in force.
        watch_s: Seconds between looks at the file; 0 for never.
    """

    def __init__(
        self, path: Path, load: Callable[[], Rules], desk: RuleDesk, watch_s: float
    ) -> None:
        self._path = path
        self._load = load
        self._desk = desk
        self._watch_s = watch_s
        self._one_at_a_time = trio.Lock()
        self._in_thread = OneThread()
        self._seen = self._stamp()

    async def reload(self) -> RulesDiff:
        """Load the file anew and let it count; all of it or nothing.

        Returns:
            What differs; that nothing does where the text is the same.

        Raises:
            SpecError: Something in the file is wrong; the old rules go on, and the log says so.
            JournalError: It could not be written; the old rules go on.

        Cancellation: the old rules go on, unless the new ones count already.
        """
        async with self._one_at_a_time:
            before = self._desk.in_force
            self._seen = await self._in_thread(self._stamp)
            try:
                # In a thread: a thousand conditions take a second to be read.
                rules = await self._in_thread(self._load)
            except SpecError as error:
                self._kept(error.message)
                raise
            except Exception as error:
                # A mistake of ours in reading: the engine must not end for a file.
                self._kept(f"a mistake in hookflash itself: {type(error).__name__}")
                raise SpecError(
                    f"{self._path}: cannot be read: {type(error).__name__} (please report it)",
                    place=str(self._path),
                ) from error
            if before is None:
                diff = RulesDiff(tuple(rule.name for rule in rules.rules), (), ())
            else:
                diff = rules.changes_from(before)
            if before is None or rules.digest != before.digest:
                self._desk.load(rules, before)
            _log.info("rules.reloaded", path=str(self._path), changes=diff.text())
            return diff

    async def watch(self) -> None:
        """Load the file anew whenever it has changed, until cancelled.

        A file that is being written may be seen half: it is broken then, or short of rules, and is
        loaded again as soon as it has changed again. Write it beside and rename it.
        """
        while self._watch_s:
            await trio.sleep(self._watch_s)
            stamp = await self._in_thread(self._stamp)
            if stamp == self._seen:
                continue
            try:
                await self.reload()
            except HookflashError as error:
                if not isinstance(error, SpecError):
                    raise

    def _kept(self, reason: str) -> None:
        _log.error("rules.reload_failed", path=str(self._path), reason=reason, kept=True)

    def _stamp(self) -> _Stamp:
        """Return what differs when the file was changed or replaced; None where there is none."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def rules_before(change: RulesChange | None) -> Rules | None:
    """Return the rules that a journal says counted last; None for none, or if none can be made.

    Args:
        change: What the journal says; None where it says nothing.
    """
    if change is None or not change.digest:
        return None
    try:
        return parse_rules(change.text, "the journal", names_of())
    except SpecError as error:
        _log.warning("rules.earlier_unreadable", reason=error.message)
        return None
