"""Every fenced block in the documentation is run, or checked by what would read it."""

import itertools
import json
import logging
import os
import re
import shlex
import ssl
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
import structlog
from tests.docs.blocks import ROOT, Block, blocks_of, chains_of, documents
from tests.docs.known_names import config_keys, known_variables, make_targets
from tests.support.explained import journal_of_rules
from tests.support.simulator_thread import SimulatorThread, simulator_in_thread

from hookflash.adapters import audit
from hookflash.adapters.command_line.main import execute, parse
from hookflash.adapters.command_line.output import tell_error
from hookflash.adapters.journal.recording import read_entries, read_recording
from hookflash.adapters.monitors import payload_of
from hookflash.adapters.monitors.webhook import signature
from hookflash.adapters.rules_files import load_cases, load_rules, names_of
from hookflash.adapters.settings import Settings, load_settings
from hookflash.adapters.simulator import parse_faults
from hookflash.adapters.specifications import load_machine
from hookflash.machines.codec import RecordCodec
from hookflash.machines.effects import EndCommand
from hookflash.machines.errors import SpecError
from hookflash.machines.headers import encode_header
from hookflash.machines.instants import Instant
from hookflash.machines.rules.cases import run_case
from hookflash.machines.rules.checking import check_rules
from hookflash.machines.rules.explaining import explain
from hookflash.machines.rules.ruleset import parse_rules
from hookflash.machines.rules.scenario import Scenario
from hookflash.machines.spec import parse_spec

OTHER_PROGRAMS = frozenset({"cat", "cd", "git", "mkdir", "pip", "python3", "source"})
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


def _check_receiver(block: Block, stage: Stage) -> None:
    """The webhook's receiver accepts what we sign, and nothing else."""
    _run_python(block, stage)
    is_genuine = stage.namespace["is_genuine"]
    body, now = b'{"event":"hold"}', str(int(time.time()))
    headers = {"X-Hookflash-Timestamp": now, "X-Hookflash-Signature": signature("key", now, body)}
    assert is_genuine("key", headers, body)
    assert not is_genuine("another", headers, body)
    assert not is_genuine("key", headers, body + b" ")
    assert not is_genuine("key", headers | {"X-Hookflash-Timestamp": str(int(now) - 999)}, body)
    assert not is_genuine("key", {}, body)


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


def _check_curl(words: list[str], stage: Stage) -> None:
    """Ask our simulator what the document asks its own."""
    (url,) = [word for word in words if word.startswith("https://localhost:8443")]
    data = words[words.index("--data") + 1].encode() if "--data" in words else None
    asked = url.replace("localhost:8443", stage.simulator.address.host)
    trusted = ssl.create_default_context(cafile=stage.simulator.address.ca_file)
    with urllib.request.urlopen(asked, data, context=trusted) as answer:  # noqa: S310 - the simulator's
        assert json.loads(answer.read())


def _check_commands(block: Block, stage: Stage) -> None:
    found = False
    for words in _commands(block):
        found = True
        program = Path(words[0]).name
        if program == "hookflash":
            parse(words[1:])
        elif program == "export":
            for assignment in words[1:]:
                _check_variable(assignment)
        elif program == "make":
            targets = [word for word in words[1:] if "=" not in word]
            assert set(targets) <= make_targets(), f"make knows no {targets}"
        elif program == "curl":
            _check_curl(words, stage)
        else:
            assert program in OTHER_PROGRAMS, f"nobody checks the program {program}"
    assert found, "no command in it"


def _run_commands(block: Block, stage: Stage) -> None:
    stage.connect()
    stage.capsys.readouterr()
    for words in _commands(block):
        if words[0] == "export":
            for assignment in words[1:]:
                _check_variable(assignment)
            continue
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
    """Each key stands there, and each value is the default where no comment calls it an example."""
    _load_config(block, stage)
    table, seen, example = "", dict[str, Any](), False
    shown = set[str]()
    for line in block.text.splitlines():
        if header := re.match(r"\[+([\w.]+)\]+", line):
            table, example = header[1], "# example" in line
        elif key := re.match(r"(\w+) = ", line):
            name = f"{table}.{key[1]}"
            shown.add(name)
            if not example and "# example" not in line:
                seen[name] = tomllib.loads(line)[key[1]]
    defaults = {f"{table}.{name}": default for table, name, default in config_keys()}
    assert shown == set(defaults) - {"rules.path"}  # refused until rules are there
    for name, value in seen.items():
        default = defaults[name]
        wanted = list(default) if isinstance(default, tuple) else default  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        assert value == (str(wanted) if isinstance(wanted, Path) else wanted), name


def _check_faults(block: Block, stage: Stage) -> None:
    del stage
    parse_faults(block.text)


def _check_machine(block: Block, stage: Stage) -> None:
    _write_file(block, stage)
    parse_spec(block.text, block.argument)


def _check_rules(block: Block, stage: Stage) -> None:
    """A rules file in which nothing is wrong, and nothing odd either."""
    _write_file(block, stage)
    assert check_rules(load_rules(stage.folder / block.argument)) == ()


def _check_rules_error(block: Block, stage: Stage) -> None:
    """What a misspelt variable in the file before it looks like."""
    path = Path("rules.toml")
    text = path.read_text("utf-8")
    path.write_text(text.replace("hold.reason ", "hold.raeson "), "utf-8")
    with pytest.raises(SpecError) as caught:
        load_rules(path)
    path.write_text(text, "utf-8")
    stage.capsys.readouterr()
    tell_error(str(caught.value))
    assert stage.capsys.readouterr().err == block.text


def _check_cases(block: Block, stage: Stage) -> None:
    """Cases that come out as they say, of the rules in the block before."""
    _write_file(block, stage)
    rules, cases = load_cases(stage.folder / block.argument)
    assert [run_case(rules, case).differences for case in cases] == [()] * len(cases)


def _check_trace(block: Block, stage: Stage) -> None:
    """A trace of the first rule of its document: what its lines begin with is what we write."""
    del stage
    source = next(one for one in blocks_of(block.path) if one.mode == "rules")
    rules = parse_rules(source.text, "rules.toml", names_of())
    world = Scenario(rules, Instant(1_793_613_600_000_000))
    world.tell("held", {"reason": "consultation"})
    world.run_until(Instant(world.at + 300_000_000))
    assert "\n".join(explain(world.traces[1:])) + "\n" == block.text


def _run_explained(block: Block, stage: Stage) -> None:
    """Ask a journal in which rules did something."""
    journal = stage.folder / "explained.db"
    if not journal.exists():
        journal_of_rules(journal)
    stage.capsys.readouterr()
    for words in _commands(block):
        asked = [*words[1:], "--journal", str(journal)]
        assert execute(asked) == block.exit_code, stage.capsys.readouterr().err
    stage.output = stage.capsys.readouterr().out


def _compare_explanation(block: Block, stage: Stage) -> None:
    """Compare with what was printed, but for the digest of the rules, which are in this file."""
    printed, shown = (
        re.sub(r"^rules [0-9a-f]{12},", "rules …,", text, flags=re.MULTILINE)
        for text in (stage.output, block.text)
    )
    assert printed == shown


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
    path.write_text(_with_definition(block.text), "utf-8")
    header, records = read_recording(path)
    assert header.machine == "hold"
    assert list(records)


def _check_recording_lines(block: Block, stage: Stage) -> None:
    """What may follow a header."""
    path = stage.folder / "recording.jsonl"
    header = encode_header(RecordCodec(load_machine("hold")).new_header("h:1", Instant(0)))
    path.write_bytes(header + _with_definition(block.text).encode())
    assert len(list(read_entries(path, None))) == len(block.text.splitlines())


def _with_definition(text: str) -> str:
    """Return *text* with the definition and its hash where they are cut short."""
    spec = load_machine("hold").spec
    text = text.replace('"spec_hash":"…"', f'"spec_hash":"{spec.digest}"')
    return text.replace('"definition":"…"', f'"definition":{json.dumps(spec.text)}')


def _check_payload(block: Block, stage: Stage) -> None:
    """A monitor's payload: the keys of a real one, in their order."""
    del stage
    ended = EndCommand("c", "c", "hold", "confirmed", "held", Instant(0), Instant(1), "caller")
    real = payload_of(ended, "i", "7/0")
    assert list(json.loads(block.text)) == list(real)


def _check_json(block: Block, stage: Stage) -> None:
    """What the command before it prints: the keys of its JSON."""
    assert list(json.loads(block.text)) == list(json.loads(stage.output))


def _check_migration(block: Block, stage: Stage) -> None:
    """What a definition declares of an earlier one."""
    del stage
    spec = parse_spec(f"{load_machine('hold').spec.text}\n{block.text}", block.place)
    assert spec.migrations


def _check_diagram(block: Block, stage: Stage) -> None:
    """What a definition says of its drawing: that of the callback machine."""
    del stage
    document = ROOT / "docs" / "writing-machines.md"
    callback = next(one for one in blocks_of(document) if one.mode == "machine")
    spec = parse_spec(f"{callback.text}\n{block.text}", block.place)
    assert spec.diagram.path
    assert spec.diagram.timers


MODES: dict[tuple[str, str], Callable[[Block, Stage], object]] = {
    ("python", "run"): _run_python,
    ("python", "needs-simulator"): _python_with_simulator,
    ("python", "webhook-receiver"): _check_receiver,
    ("python", "file"): _write_file,
    ("text", "output"): _compare_output,
    ("sh", "commands"): _check_commands,
    ("sh", "needs-simulator"): _run_commands,
    ("toml", "config"): _check_config,
    ("toml", "whole-config"): _check_whole_config,
    ("toml", "faults"): _check_faults,
    ("toml", "machine"): _check_machine,
    ("toml", "rules"): _check_rules,
    ("toml", "cases"): _check_cases,
    ("text", "rules-error"): _check_rules_error,
    ("text", "trace"): _check_trace,
    ("sh", "explained"): _run_explained,
    ("text", "explanation"): _compare_explanation,
    ("toml", "migration"): _check_migration,
    ("toml", "diagram"): _check_diagram,
    ("ini", "unit"): _check_unit,
    ("json", "audit-log"): _check_audit_log,
    ("json", "recording"): _check_recording,
    ("json", "recording-lines"): _check_recording_lines,
    ("json", "payload"): _check_payload,
    ("json", "keys"): _check_json,
    ("json", "file"): _write_file,
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
