"""Every fenced block in the documentation is run, or checked by what would read it."""

import itertools
import json
import logging
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
import structlog
from tests.docs.blocks import ROOT, Block, blocks_of, chains_of, documents
from tests.docs.known_names import known_variables, make_targets
from tests.support.simulator_thread import SimulatorThread, simulator_in_thread

from hookflash.adapters import audit
from hookflash.adapters.command_line.main import execute, parse
from hookflash.adapters.journal.recording import read_recording
from hookflash.adapters.monitors import payload_of
from hookflash.adapters.settings import Settings, load_settings
from hookflash.adapters.settings.sources import FILE_NAMES
from hookflash.adapters.simulator import parse_faults
from hookflash.machines.effects import EndCommand
from hookflash.machines.instants import Instant
from hookflash.machines.spec import parse_spec

OTHER_PROGRAMS = {"cat", "cd", "curl", "git", "journalctl", "kill", "make", "mkdir", "pip"}
OTHER_PROGRAMS |= {"python3", "source", "sudo", "systemctl", "export"}
SERVERS = {"demo", "run", "simulate"}
"""Commands that are not harmless to run inside a test: they go on until stopped, or for minutes."""

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[\w+ *\] ")
"""What structlog prints where a program does not configure it."""

CHAINS = [chain for path in documents() for chain in chains_of(path)]


@attrs.define
class Stage:
    """Where a chain of blocks runs."""

    folder: Path
    simulator: SimulatorThread
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    namespace: dict[str, Any] = attrs.field(factory=lambda: {"__name__": "__main__"})
    output: str = ""

    def connect(self) -> None:
        """Name the simulator in the variables that the documents name."""
        for name, value in (
            ("HOST", self.simulator.address.host),
            ("CA_FILE", str(self.simulator.address.ca_file)),
            ("CLIENT_ID", "docs"),
            ("CLIENT_SECRET", "right"),
        ):
            self.monkeypatch.setenv(f"HOOKFLASH_{name}", value)


# --- python ---------------------------------------------------------------------------------------


def _run_python(block: Block, stage: Stage) -> None:
    stage.capsys.readouterr()
    code = compile("\n" * block.line + block.text, str(block.path), "exec")
    exec(code, stage.namespace)  # noqa: S102 - our own documents
    stage.output = stage.capsys.readouterr().out


def _python_with_simulator(block: Block, stage: Stage) -> None:
    stage.connect()
    _run_python(block, stage)


def _write_file(block: Block, stage: Stage) -> None:
    (stage.folder / block.argument).write_text(block.text, "utf-8")


def _compare_output(block: Block, stage: Stage) -> None:
    """Compare with what the block before printed; structlog's log lines are left out."""
    lines = [line for line in stage.output.splitlines() if not LOG_LINE.match(line)]
    assert lines == block.text.splitlines()


# --- shell ----------------------------------------------------------------------------------------


def _commands(block: Block) -> Iterator[list[str]]:
    """Split a block into the commands that it gives, variables set before them left out."""
    for line in block.text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        for is_command, group in itertools.groupby(lexer, lambda word: word.strip("|&;") != ""):
            words = list(group)
            while is_command and words and re.match(r"[A-Z_]+=", words[0]):
                _check_variable(words.pop(0))
            if is_command and words:
                redirects = [number for number, word in enumerate(words) if word in {">", "2>"}]
                yield words[: redirects[0]] if redirects else words


def _check_variable(assignment: str) -> None:
    name = assignment.partition("=")[0]
    assert not name.startswith("HOOKFLASH_") or name in known_variables(), name


def _check_commands(block: Block, stage: Stage) -> None:
    del stage
    found = False
    for words in _commands(block):
        found = True
        program = Path(words[0]).name
        if program == "sudo":
            words = words[3:] if words[1] == "-u" else words[1:]
            program = Path(words[0]).name
        if program == "hookflash":
            parse(words[1:])
        elif program == "export":
            for assignment in words[1:]:
                _check_variable(assignment)
        elif program == "make":
            targets = [word for word in words[1:] if "=" not in word]
            assert set(targets) <= make_targets(), f"make knows no {targets}"
        else:
            assert program in OTHER_PROGRAMS, f"nobody checks the program {program}"
    assert found, "no command in it"


def _run_commands(block: Block, stage: Stage) -> None:
    stage.connect()
    stage.capsys.readouterr()
    for words in _commands(block):
        assert words[0] == "hookflash", words
        assert words[1] not in SERVERS, words
        assert execute(words[1:]) == block.exit_code, stage.capsys.readouterr().err
    stage.output = stage.capsys.readouterr().out


# --- files ----------------------------------------------------------------------------------------


def _load_config(block: Block, stage: Stage) -> Settings:
    path = stage.folder / "hookflash.toml"
    path.write_text(block.text, "utf-8")
    return load_settings(path, environ={})


def _check_config(block: Block, stage: Stage) -> None:
    assert _load_config(block, stage) != Settings(), "it sets nothing"


def _check_whole_config(block: Block, stage: Stage) -> None:
    """Each table and key stands there; a comment that says `default V` says the truth."""
    _load_config(block, stage)
    table, seen = "", set[str]()
    for line in block.text.splitlines():
        header = re.match(r"#? ?\[+([\w.]+)\]+", line)
        key = re.match(r"#? ?(\w+) = (.*?)(?:\s+# (.*))?$", line)
        if header:
            table = header[1]
        elif key:
            seen.add(f"{table}.{key[1]}")
    wanted = {f"{name}.{key}" for name, key, _ in config_keys()}
    assert wanted - seen == set(), "missing"
    assert seen - wanted == set(), "unknown"
    for name, key, default in config_keys():
        found = re.search(
            rf"^#? ?\[+{re.escape(name)}\]+(?:(?!^#? ?\[).)*?^#? ?{key} = (\[.*?\]|\x22[^\x22]*\x22|\S+)(?:\s+# (.*?)$)?",
            block.text,
            re.MULTILINE | re.DOTALL,
        )
        assert found, f"{name}.{key}"
        is_example = found[2] and found[2].startswith("example")
        if default not in (None, (), attrs.NOTHING) and not is_example:
            value = tomllib.loads(f"it = {found[1]}")["it"]
            wanted = str(default) if isinstance(default, Path) else default
            wanted = list(wanted) if isinstance(wanted, tuple) else wanted
            assert value == wanted, f"[{name}] {key}: {value}, by default {wanted}"


def config_keys() -> Iterator[tuple[str, str, object]]:
    """Walk all settings: table as the file names it, key, default."""
    for table in attrs.fields(Settings):
        if table.name == "config_file":
            continue
        name = FILE_NAMES.get(table.name, table.name)
        if table.name == "monitors":
            from hookflash.adapters.settings import MonitorSettings  # noqa: PLC0415

            yield from ((name, field.name, field.default) for field in attrs.fields(MonitorSettings))
            continue
        for field in attrs.fields(type(table.default)):
            if (name, field.name) == ("gateway", "client_secret"):
                continue
            if (name, field.name) == ("hold", "policy"):
                from hookflash.machines.policy import GroupPolicy  # noqa: PLC0415

                yield from (("hold.policy", one.name, None) for one in attrs.fields(GroupPolicy))
                continue
            yield name, field.name, field.default


def _check_faults(block: Block, stage: Stage) -> None:
    del stage
    parse_faults(block.text)


def _check_machine(block: Block, stage: Stage) -> None:
    _write_file(block, stage)
    parse_spec(block.text, block.argument)


def _check_unit(block: Block, stage: Stage) -> None:
    del stage
    starts = re.findall(r"^ExecStart=(\S+) (.*)$", block.text, re.MULTILINE)
    assert starts, "no ExecStart"
    for program, arguments in starts:
        assert Path(program).name == "hookflash"
        parse(shlex.split(arguments))
    for name in re.findall(r"HOOKFLASH_\w+", block.text):
        assert name in known_variables(), name


def _check_audit_log(block: Block, stage: Stage) -> None:
    path = stage.folder / "hookflash-audit.jsonl"
    path.write_text(block.text, "utf-8")
    report = audit.verify(path)
    assert report.whole, report.text()
    assert report.lines > 0


def _check_recording(block: Block, stage: Stage) -> None:
    path = stage.folder / "recording.jsonl"
    path.write_text(block.text, "utf-8")
    header, records = read_recording(path)
    assert header.machine == "hold"
    assert list(records)


def _check_payload(block: Block, stage: Stage) -> None:
    """A monitor's payload: the keys of a real one, in their order."""
    del stage
    ended = EndCommand("c", "c", "hold", "confirmed", "held", Instant(0), Instant(1), "caller")
    real = payload_of(ended, "i")
    assert list(json.loads(block.text)) == list(real)


def _check_json(block: Block, stage: Stage) -> None:
    """What the command before it prints: the keys of its JSON."""
    assert list(json.loads(block.text)) == list(json.loads(stage.output))


MODES: dict[tuple[str, str], Callable[[Block, Stage], object]] = {
    ("python", "run"): _run_python,
    ("python", "needs-simulator"): _python_with_simulator,
    ("python", "file"): _write_file,
    ("text", "output"): _compare_output,
    ("sh", "commands"): _check_commands,
    ("sh", "needs-simulator"): _run_commands,
    ("toml", "config"): _check_config,
    ("toml", "whole-config"): _check_whole_config,
    ("toml", "faults"): _check_faults,
    ("toml", "machine"): _check_machine,
    ("ini", "unit"): _check_unit,
    ("json", "audit-log"): _check_audit_log,
    ("json", "recording"): _check_recording,
    ("json", "payload"): _check_payload,
    ("json", "keys"): _check_json,
}
"""What is done with a block, by its language and mode."""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorThread]:
    """One simulator for all blocks."""
    with simulator_in_thread(tmp_path_factory.mktemp("tls")) as serving:
        yield serving


@pytest.fixture
def stage(
    simulator: SimulatorThread,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    """A folder of its own, no variables of ours, and nothing left behind."""
    for name in [name for name in os.environ if name.startswith("HOOKFLASH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    handlers, modules = logging.root.handlers[:], set(sys.modules)
    yield Stage(tmp_path, simulator, capsys, monkeypatch)
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in cast(
            "str", sys.modules[name].__file__
        ):
            del sys.modules[name]
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers


@pytest.mark.parametrize("chain", CHAINS, ids=[chain[0].place for chain in CHAINS])
def test_every_block_of_the_documentation_is_right(chain: list[Block], stage: Stage) -> None:
    """Each block does what its mode says; what it continues has run before it."""
    for block in chain:
        check = MODES.get((block.language, block.mode))
        assert check is not None, (
            f"{block.place}: a block of {block.language or 'no language'} with the mode"
            f" {block.mode or 'none'!r} is checked by nobody; known: {sorted(MODES)}"
        )
        check(block, stage)


def test_each_document_has_blocks_that_are_seen() -> None:
    """The extractor finds blocks: a test that collects nothing would pass for ever."""
    readme = list(blocks_of(ROOT / "README.md"))
    assert len(readme) > 5
    assert {block.language for block in readme} >= {"python", "sh", "toml"}
