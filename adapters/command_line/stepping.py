"""`replay --step`: forth and back through a recording, in the terminal."""

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Final, final

from rich.console import Console, Group, ScreenContext

from hookflash.adapters.journal.definitions import Definitions
from hookflash.adapters.replaying.choices import Request, choices_of, header_of
from hookflash.adapters.replaying.screen import KEYS, frame, page
from hookflash.adapters.replaying.spots import SpottedLines, spotted
from hookflash.adapters.replaying.verifying import read_recorded_rules
from hookflash.adapters.specifications import load_machine
from hookflash.engine.replaying.stepping_by import Steppers
from hookflash.engine.replaying.tour import Tour
from hookflash.engine.replaying.verdicts import RecordedRules
from hookflash.machines.errors import ConfigurationError

_LOOK_S: Final = 0.25
"""How often is looked whether the terminal has another size."""

_ESCAPES: Final = {b"\x1b[C": "n", b"\x1b[D": "p", b"\x1b[A": "up", b"\x1b[B": "down"}
_ALIASES: Final = {" ": "n", "\r": "n", "\n": "n", "l": "n", "h": "p", "k": "up", "j": "down"} | {
    "\x7f": "back",
    "\x08": "back",
    "\x03": "q",  # Ctrl-C
    "\x04": "q",  # Ctrl-D
}
_DIGITS_MAX: Final = 18


def step_through(request: Request) -> int:
    """Step through the recording that *request* names, until somebody has seen enough.

    Raises:
        ConfigurationError: There is no terminal, or more than one recording.
        HookflashError: The recording cannot be read or stepped.
    """
    if len(request.recordings) != 1:
        raise ConfigurationError(
            "option --step: more than one recording is given",
            advice="step through one at a time",
            source="option --step",
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigurationError(
            "option --step needs a terminal",
            advice="without it all divergences are listed with --all",
            source="option --step",
        )
    path = request.recordings[0]
    with spotted(path) as lines:
        tour = tour_of(request, lines)
        _Session(tour, str(path)).run()
    return 0


def tour_of(request: Request, lines: SpottedLines) -> Tour:
    """Return the tour of a recording, under what *request* says.

    Raises:
        HookflashError: The recording cannot be read or stepped.
    """
    path = request.recordings[0]
    choices = choices_of(request)
    header = header_of(path)
    _, _, start = next(lines.after((0, 1)))
    definitions = Definitions(header, choices.trial.machine, str(path))
    steppers = Steppers(definitions, header, choices.trial, load_machine)
    only = None if choices.only is None else choices.only.lower()
    rules = RecordedRules(read_recorded_rules)
    return Tour(lines, start, steppers, rules, only=only, tried_rules=choices.rules)


@final
class _Session:
    """Somebody at the keyboard."""

    def __init__(self, tour: Tour, name: str) -> None:
        self._tour = tour
        self._name = name
        self._console = Console()
        self._screen: ScreenContext | None = None
        self._offset = 0
        self._status = KEYS

    def run(self) -> None:
        """Show records and take keys until the one to quit."""
        self._tour.forward()
        with _keys(sys.stdin.fileno()) as keys, self._console.screen() as screen:
            self._screen = screen
            self._show()
            size = self._console.size
            for key in keys:
                if key == "q":
                    return
                if key:
                    self._take(key, keys)
                elif size == self._console.size:
                    continue
                size = self._console.size
                self._show()

    def _take(self, key: str, keys: Iterator[str]) -> None:
        tour = self._tour
        if key in {"up", "down"}:
            self._offset = max(0, self._offset + (1 if key == "down" else -1))
            return
        self._offset, self._status = 0, KEYS
        match key:
            case "n":
                if not tour.forward():
                    self._status = "the last record"
            case "p":
                if not tour.back():
                    self._status = "the first record"
            case "r":
                self._look("refusal", found=tour.next_refusal)
            case "d":
                self._look("divergence", found=tour.next_divergence)
            case "g":
                self._go(keys)
            case _:
                pass

    def _look(self, what: str, *, found: Callable[[], bool]) -> None:
        self._status = f"looking for the next {what} …"
        self._show()
        self._status = KEYS if found() else f"no further {what}: this is the last record"

    def _go(self, keys: Iterator[str]) -> None:
        """Let somebody type the number of a record."""
        typed = ""
        for key in keys:
            if key.isdecimal() and len(typed) < _DIGITS_MAX:
                typed += key
            elif key == "back":
                typed = typed[:-1]
            elif key == "n":
                break
            elif key:
                return
            self._status = f"go to record {typed}█"
            self._show()
        if typed:
            self._status = f"going to record {typed} …"
            self._show()
            self._status = KEYS if self._tour.seek(int(typed)) else "there is no such record"

    def _show(self) -> None:
        stop = self._tour.stop
        size = self._console.size
        lines = [] if stop is None else page(stop)
        where = "no records" if stop is None else f"record {stop.seq}"
        title = f" {self._name}: {where}"
        rows = frame(lines, title, self._status, (size.width, size.height), self._offset)
        if self._screen is not None:
            self._screen.update(Group(*rows))


@contextmanager
def _keys(fd: int) -> Generator[Iterator[str], None, None]:
    """Take keys one by one, without waiting for the end of a line; as it was before afterwards."""
    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd, termios.TCSADRAIN)
        # Output is still to be treated as lines.
        mode = termios.tcgetattr(fd)
        mode[1] |= termios.OPOST
        termios.tcsetattr(fd, termios.TCSADRAIN, mode)
        yield _pressed(fd)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _pressed(fd: int) -> Iterator[str]:
    """Yield keys by their names, and nothing now and then: for whoever looks for another size."""
    while True:
        if not select.select([fd], [], [], _LOOK_S)[0]:
            yield ""
            continue
        data = os.read(fd, 64)
        if not data:  # the terminal is gone
            yield "q"
            return
        yield from _named(data)


def _named(data: bytes) -> Iterator[str]:
    """Yield the names of the keys that sent *data*."""
    while data:
        escape = next((one for one in _ESCAPES if data.startswith(one)), None)
        if escape is not None:
            yield _ESCAPES[escape]
            data = data[len(escape) :]
            continue
        if data[:1] == b"\x1b":
            yield "escape"
            return
        char = data[:1].decode("latin-1")
        yield _ALIASES.get(char, char)
        data = data[1:]
