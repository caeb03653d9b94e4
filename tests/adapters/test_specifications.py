"""Loading machines: the shipped ones by name, a user's own by path."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookflash.adapters.specifications import SPEC_BYTES_MAX, load_machine, shipped_machines
from hookflash.machines.errors import SpecError
from hookflash.machines.instants import Instant
from hookflash.machines.policy import HoldPolicy

DOOR = """
[machine]
name = "door"
initial = "shut"
implementation = "door_of_the_tests"
doc = "A door."
[states.shut]
doc = "Shut."
[states.open]
doc = "Open."
[events]
knocked = { class = "Knocked", doc = "Somebody knocked." }
[[transitions]]
source = "shut"
event = "knocked"
target = "open"
doc = "It opens."
[[transitions]]
source = "open"
event = "knocked"
stay = "It is open already."
"""

MODULE = """
import attrs
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Implementation

@attrs.frozen
class Knocked:
    at: Instant

@attrs.frozen
class Nothing:
    pass

@attrs.frozen
class Policy:
    name: str = "of the door"

IMPLEMENTATION = Implementation(
    events={"knocked": Knocked}, guards={}, effects={}, data=Nothing, policy=Policy, produces=()
)
"""


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Path]:
    """A definition of somebody's own, with its implementation beside it."""
    path = tmp_path / "door.toml"
    path.write_text(DOOR)
    (tmp_path / "door_of_the_tests.py").write_text(MODULE)
    yield path
    sys.modules.pop("door_of_the_tests", None)


def test_the_shipped_machines_load_by_name() -> None:
    """Each that there is; with a policy of the caller's."""
    names = shipped_machines()
    assert {"hold", "connection"} <= set(names)
    assert [load_machine(name).name for name in names] == names
    assert load_machine("hold", HoldPolicy(limit_s=60.0)).policy.limit_s == 60.0


@pytest.mark.parametrize("as_text", [False, True])
def test_a_machine_of_ones_own_by_path(
    door: Path, *, as_text: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its module is found beside it, without being on the path; it can be stepped."""
    monkeypatch.chdir("/")
    machine = load_machine(str(door) if as_text else door)
    knocked = sys.modules["door_of_the_tests"].Knocked

    step = machine.step(machine.start("front"), knocked(Instant(1)))

    assert (machine.name, step.interaction.state) == ("door", "open")
    assert machine.policy.name == "of the door"


def test_the_module_may_be_an_installed_one(door: Path) -> None:
    """A copy of a shipped definition uses the implementation that its name gives."""
    shipped = Path("specs/hold.toml")
    text = (Path(__file__).parents[2] / shipped).read_text("utf-8")
    (door.parent / "hold.toml").write_text(text, encoding="utf-8")

    assert load_machine(door.parent / "hold.toml").name == "hold"


@pytest.mark.parametrize(
    ("name", "said"),
    [("hodl", "did you mean 'hold'"), ("conection", "did you mean 'connection'"), ("xyz", "")],
)
def test_an_unknown_name_suggests_the_nearest(name: str, said: str) -> None:
    """And says how a machine of one's own is given."""
    with pytest.raises(SpecError, match=f"no shipped machine is called '{name}'") as caught:
        load_machine(name)

    assert said.replace("'", "") in str(caught.value).replace("'", "")
    assert "by its path" in caught.value.advice


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """None there, a folder, no text, too long."""
    (tmp_path / "latin.toml").write_bytes("name = 'Tür'".encode("latin-1"))
    (tmp_path / "long.toml").write_bytes(b"#" * (SPEC_BYTES_MAX + 1))
    (tmp_path / "folder.toml").mkdir()
    for name, problem in (
        ("gone.toml", "cannot be read: No such file or directory"),
        ("folder.toml", "cannot be read: Is a directory"),
        ("latin.toml", "cannot be read: it is not UTF-8 text"),
        ("long.toml", f"larger than {SPEC_BYTES_MAX} bytes"),
    ):
        with pytest.raises(SpecError, match=f"{name}: {problem}") as caught:
            load_machine(tmp_path / name)
        assert caught.value.place == str(tmp_path / name)


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ("", "has no IMPLEMENTATION"),
        ("IMPLEMENTATION = 5", "has no IMPLEMENTATION"),
        (
            "import no_such_module_at_all",
            "cannot be imported: ModuleNotFoundError: No module named 'no_such_module",
        ),
        ("from os import no_such_name", "imported: ImportError: cannot import name 'no_such_name'"),
        ("def broken(:", "cannot be imported: SyntaxError"),
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_module_of_no_use_is_named(door: Path, module: str, problem: str) -> None:
    """The error names the definition, the key in it and the module."""
    (door.parent / "door_of_the_tests.py").write_text(module)

    with pytest.raises(SpecError, match=problem) as caught:
        load_machine(door)
    assert f"{door}: machine.implementation" in caught.value.message
    assert "'door_of_the_tests'" in caught.value.message


def test_a_module_that_is_nowhere_is_named(door: Path) -> None:
    """Neither beside the definition nor installed."""
    (door.parent / "door_of_the_tests.py").unlink()

    with pytest.raises(SpecError, match="'door_of_the_tests' cannot be imported"):
        load_machine(door)
