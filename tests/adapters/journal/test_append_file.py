"""The file under journal and audit log: what the disk and other processes may do to it."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hookflash.adapters.journal.append_file import AppendFile
from hookflash.machines.errors import JournalError
from hookflash.machines.lines import LINE_BYTES_MAX

Refuse = Callable[[str], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Let a call of the system fail from now on."""

    def apply(name: str) -> None:
        def fail(*_: object) -> Any:
            raise OSError(errno.EIO, "Input/output error")

        module = fcntl if name == "flock" else os
        monkeypatch.setattr(module, name, fail)

    return apply


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not read


@pytest.mark.parametrize("call", ["flock", "ftruncate", "pwrite"])
def test_a_lock_that_fails_leaves_nothing_open(path: Path, refuse: Refuse, call: str) -> None:
    """The error names the file and what the system said."""
    before = open_descriptors()
    refuse(call)

    with pytest.raises(JournalError, match=r"a\.log: cannot be locked: Input/output error"):
        AppendFile.open(path)
    assert open_descriptors() == before


def test_a_lock_that_cannot_be_made_is_named(path: Path) -> None:
    """A folder stands in the lock's place."""
    path.with_name("a.log.lock").mkdir()

    with pytest.raises(JournalError, match=r"a\.log: cannot be locked: Is a directory"):
        AppendFile.open(path)


def test_what_is_no_file_is_refused(path: Path) -> None:
    """A pipe takes bytes and keeps none; the lock is given back."""
    os.mkfifo(path)
    before = open_descriptors()

    for _ in range(2):
        with pytest.raises(JournalError, match=r"a\.log: is no regular file"):
            AppendFile.open(path)
    assert open_descriptors() == before


@pytest.mark.parametrize("torn", [b"whole\ntorn", b"torn"])
def test_a_repair_that_fails_leaves_the_file_as_it_was(
    path: Path, refuse: Refuse, torn: bytes
) -> None:
    """Nothing is cut before the torn part is safe."""
    path.write_bytes(torn)
    before = open_descriptors()
    refuse("fdatasync")

    with pytest.raises(JournalError, match=r"a\.log: cannot be opened: Input/output error"):
        AppendFile.open(path)
    assert path.read_bytes() == torn
    assert open_descriptors() == before


def test_a_file_in_use_is_named_with_its_process(path: Path) -> None:
    """Also where the other one has not yet written its id."""
    file = AppendFile.open(path)
    with pytest.raises(JournalError, match=rf"is in use by process {os.getpid()} ") as caught:
        AppendFile.open(path)
    assert caught.value.parts["pid"] == os.getpid()

    path.with_name("a.log.lock").write_bytes(b"")
    with pytest.raises(JournalError, match="is in use by process of unknown id") as caught:
        AppendFile.open(path)
    assert caught.value.parts["pid"] is None
    file.close()
    file.close()


def test_first_and_last_line(path: Path) -> None:
    """Empty for an empty file, the same for one line; with their newlines."""
    file = AppendFile.open(path)
    assert (file.first_line(), file.last_line()) == (b"", b"")
    file.append(b"one\n")
    assert (file.first_line(), file.last_line()) == (b"one\n", b"one\n")
    file.append(b"two\nthree\n")
    assert (file.first_line(), file.last_line()) == (b"one\n", b"three\n")
    file.close()


def test_lines_without_end_are_refused(path: Path) -> None:
    """A bound on what is read at once: more is no line of ours."""
    file = AppendFile.open(path)
    file.append(b"x" * LINE_BYTES_MAX + b"\n")

    with pytest.raises(JournalError, match="its first line has more than"):
        file.first_line()
    with pytest.raises(JournalError, match="its last line has more than"):
        file.last_line()
    file.append(b"short\n")
    assert file.last_line() == b"short\n"
    file.close()


def test_a_file_that_cannot_be_read_is_named(path: Path, refuse: Refuse) -> None:
    """First line and last line alike."""
    file = AppendFile.open(path)
    file.append(b"one\n")
    refuse("pread")

    for read in (file.first_line, file.last_line):
        with pytest.raises(JournalError, match=r"a\.log: cannot be read: Input/output error"):
            read()
    file.close()


def test_a_write_in_parts_is_gone_on_with(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may take less than it was given."""
    write = os.write

    def write_little(fd: int, data: bytes) -> int:
        return write(fd, data[:3])

    monkeypatch.setattr(os, "write", write_little)
    path.write_bytes(b"one\ntorn line")
    file = AppendFile.open(path)
    file.append(b"two and more\nthree\n")
    file.close()

    assert path.read_bytes() == b"one\ntwo and more\nthree\n"
    assert path.with_name("a.log.torn").read_bytes() == b"torn line\n"


def test_a_closed_file_takes_nothing(path: Path) -> None:
    """Nor does one that another process took meanwhile get anything."""
    file = AppendFile.open(path)
    file.close()

    with pytest.raises(JournalError, match=r"a\.log: is closed"):
        file.append(b"one\n")
    assert path.read_bytes() == b""
