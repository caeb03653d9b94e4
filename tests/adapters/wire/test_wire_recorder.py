"""The recorder and its file: bounds, full and slow disks, and what adapters tell it."""

import errno
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.support.wired import record_session
from tests.support.world import make_settings

from hookflash.adapters.command_line.main import execute
from hookflash.adapters.genesys.interaction.watching import (
    WatchedHttp,
    WatchedSocket,
    watched_http,
)
from hookflash.adapters.http import HttpResponse
from hookflash.adapters.journal.disk import Disk
from hookflash.adapters.settings import WireSettings
from hookflash.adapters.simulator import Simulator
from hookflash.adapters.wire.entries import WireHeader
from hookflash.adapters.wire.file import WireFile
from hookflash.adapters.wire.opening import record_into
from hookflash.adapters.wire.reading import read_wire
from hookflash.adapters.wire.recorder import WireRecorder
from hookflash.engine.controller import Controller
from hookflash.engine.ports import Frame
from hookflash.machines.effects import SendHold
from hookflash.machines.errors import ConfigurationError, GatewayUnavailable
from hookflash.machines.instants import Instant

AT = Instant(1_768_050_000_000_000)
CALL = "11111111-1111-4111-8111-111111111111"
HEADER = WireHeader("client", "localhost:8443", AT, 65_536)


class Kept:
    """A sink that keeps lines, has room for some, or has a problem."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.lines: list[dict[str, Any]] = []
        self.room = room
        self.problem: str | None = None
        self.closed = False

    def put(self, line: bytes) -> bool:
        if len(self.lines) >= self.room:
            return False
        self.lines.append(json.loads(line))
        return True

    def close(self) -> bool:
        self.closed = True
        return self.problem is None


def recorder_into(sink: Kept, **options: Any) -> WireRecorder:
    return WireRecorder(sink, HEADER, lambda: AT, **options)


def test_lines_that_find_no_room_are_counted_in_the_file() -> None:
    """As soon as there is room again, and at the end."""
    sink = Kept(room=2)
    recorder = recorder_into(sink)
    socket = recorder.opening()
    for _ in range(3):
        socket.opened()
    assert recorder.dropped == 3
    sink.room = 100
    socket.opened()
    recorder.close()
    assert [line.get("kind") for line in sink.lines[1:]] == ["opening", "dropped", "opened", "end"]
    assert sink.lines[2]["lines"] == 3
    assert sink.lines[-1]["dropped"] == 3
    assert [line["n"] for line in sink.lines[1:]] == [1, 2, 3, 4]
    recorder.close()
    socket.opened()
    assert len(sink.lines) == 5


def test_it_ends_at_its_size() -> None:
    """With a line that says so; nothing is written after it."""
    sink = Kept()
    recorder = recorder_into(sink, bytes_max=2_000)
    socket = recorder.opening()
    for _ in range(50):
        socket.received("{}")
    assert not recorder.recording
    assert sink.lines[-1]["kind"] == "stopped"
    assert sink.lines[-1]["reason"] == "size"
    assert len(sink.lines) < 30
    recorder.asking("lookup", CALL).answered(200, {}, b"{}")
    recorder.close()
    assert sink.lines[-1]["kind"] == "stopped"


def test_a_disk_that_takes_no_more_ends_it() -> None:
    """Nothing is put into a sink that has a problem."""
    sink = Kept()
    recorder = recorder_into(sink)
    recorder.opening()
    sink.problem = "no space left"
    recorder.opening()
    assert not recorder.recording
    recorder.close()
    assert len(sink.lines) == 2
    assert sink.closed


def test_what_it_is_told_is_redacted() -> None:
    """Words that are none of ours, headers, tokens in later ids, and telephone numbers for ids."""
    sink = Kept()
    recorder = recorder_into(sink, secrets=["hunter2&co"])
    socket = recorder.opening()
    socket.refused(503, {"retry-after": "call +49 171 5550123", "x": "y"})
    socket.failed("because +49 171 5550123")
    socket.closed("gateway", 1001)
    socket.closed("lost", None)
    exchange = recorder.asking("token", None)
    exchange.answered(200, {"retry-after": "3"}, b'{"access_token":"tok-en.12345678"}')
    recorder.asking("token", None).answered(200, {}, b"no JSON")
    recorder.asking("token", None).answered(200, {}, b"[]")
    for org in ("tok-en.12345678", "hunter2%26co", "hunter2"):
        body = json.dumps({"routingData": {"orgId": org}}).encode()
        recorder.asking("lookup", "+49 171 5550123").answered(200, {}, body)
    recorder.asking("lookup", CALL).failed("timeout")
    text = json.dumps(sink.lines)
    for secret in ("5550123", "tok-en", "hunter2%26", "because"):
        assert secret not in text
    kinds = [line["kind"] for line in sink.lines[1:]]
    assert kinds[:5] == ["opening", "refused", "failed", "closed", "closed"]
    assert sink.lines[2]["retry_after"] == "?text 32"
    assert sink.lines[3]["problem"] == "unknown"
    assert sink.lines[-1]["problem"] == "timeout"


# --- the file -------------------------------------------------------------------------------------


def record_into_file(path: Path, disk: Disk | None = None, **own: Any) -> WireRecorder:
    settings = WireSettings(path=path, **own)
    return record_into(settings, HEADER, lambda: AT, disk=disk or Disk())


def test_a_file_is_its_owner_s_and_an_earlier_one_stays(tmp_path: Path) -> None:
    """Under the name with .1."""
    path = tmp_path / "wire.jsonl"
    for _ in range(2):
        recorder = record_into_file(path)
        recorder.opening().opened()
        recorder.close()
        assert read_wire(path).whole
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_wire(path.with_name("wire.jsonl.1")).whole


@pytest.mark.parametrize("place", ["missing/wire.jsonl", ""])
def test_places_where_no_file_can_be(place: str, tmp_path: Path) -> None:
    """The setting is named."""
    with pytest.raises(ConfigurationError) as caught:
        record_into_file(tmp_path / place)
    assert caught.value.parts["source"] == "wire.path"


class FullDisk(Disk):
    """Takes so many bytes."""

    def __init__(self, size: int) -> None:
        self.left = size

    def write(self, fd: int, data: bytes) -> int:
        taken = super().write(fd, data[: self.left]) if self.left else 0
        self.left -= taken
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return taken

    def truncate(self, fd: int, size: int) -> None:
        super().truncate(fd, size)
        self.left = 200  # what was cut back is free again


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    """And one that says why there are no more; nobody who tells something notices."""
    path = tmp_path / "wire.jsonl"
    recorder = record_into_file(path, FullDisk(1_000))
    socket = recorder.opening()
    for _ in range(100):
        socket.received('{"state":"held"}')
    recorder.close()
    read = read_wire(path)
    assert "the disk took no more" in read.notes[0]
    assert 2 < len(read.entries) < 50


class StuckDisk(Disk):
    """Writes nothing until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def write(self, fd: int, data: bytes) -> int:
        self.go.wait(20)
        return super().write(fd, data)


def test_a_disk_that_hangs_stops_nobody(tmp_path: Path) -> None:
    """What does not fit into the queue is dropped, at once, and closing gives up."""
    disk = StuckDisk()
    file = WireFile(tmp_path / "wire.jsonl", lambda _: b"", queue_bytes_max=100, disk=disk)
    assert [file.put(b"x" * 39 + b"\n") for _ in range(4)] == [True, True, False, False]
    assert not file.close(timeout_s=0.01)
    disk.go.set()
    assert file.close()
    assert (tmp_path / "wire.jsonl").stat().st_size == 80


# --- what adapters tell ---------------------------------------------------------------------------


class Listening:
    """A tap that writes down what it is told, as it is."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def opening(self) -> Any:
        self.told.append(("opening",))
        return self

    def asking(self, to: str, interaction_id: str | None) -> Any:
        self.told.append(("asking", to, interaction_id))
        return self

    def __getattr__(self, name: str) -> Any:
        def tell(*given: object) -> None:
            self.told.append((name, *given))

        return tell


ENDS: list[tuple[bool, str, tuple[Any, ...], tuple[Any, ...]]] = [
    (False, "refused", (403, {}), ("refused", 403, {})),
    (False, "failed", ("refused",), ("failed", "refused")),
    (False, "left", (), ("failed", "cancelled")),
    (True, "closed", (1001,), ("closed", "gateway", 1001)),
    (True, "closed", (1006,), ("closed", "lost", None)),
    (True, "closed", (None,), ("closed", "lost", None)),
    (True, "failed", ("lost",), ("closed", "lost", None)),
    (True, "left", (), ("closed", "client", None)),
]


@pytest.mark.parametrize(("opened", "how", "given", "told"), ENDS)
def test_the_end_of_a_socket_is_told_once(
    opened: bool,  # noqa: FBT001 - a parameter
    how: str,
    given: tuple[Any, ...],
    told: tuple[Any, ...],
) -> None:
    """Whoever ended it, and however often that is noticed."""
    tap: Any = Listening()
    socket: Any = WatchedSocket(tap)
    if opened:
        socket.opened()
    getattr(socket, how)(*given)
    socket.left()
    socket.failed("x")
    assert tap.told == [("opening",), *([("opened",)] if opened else []), told]


def test_messages_are_told_before_they_are_handed_on() -> None:
    """With nobody who listens nothing stands in between."""
    tap: Any = Listening()
    socket = WatchedSocket(tap)
    heard: list[Any] = []
    socket.on_message(heard.append)("text")
    frame = Frame(CALL, SendHold("id", "queueing", 5, None, None), 5)
    socket.on_writing(heard.append)(frame)
    assert heard == ["text", frame]
    assert tap.told[1] == ("received", "text")
    assert json.loads(tap.told[2][1])["correlationId"] == "id"
    silent = WatchedSocket(None)
    silent.opened()
    silent.left()
    assert silent.on_message(heard.append) == heard.append
    assert silent.on_writing(heard.append) == heard.append


async def test_the_end_of_a_request_is_told_once() -> None:
    """An answer, none, and one that nobody waits for any more."""

    class Http:
        answer: Any = HttpResponse(200, {"x": "y"}, b"{}")

        async def request(self, *_: object, **__: object) -> HttpResponse:
            await trio.lowlevel.checkpoint()
            if isinstance(self.answer, BaseException):
                raise self.answer
            if self.answer is None:
                await trio.sleep_forever()
            found: HttpResponse = self.answer
            return found

    tap: Any = Listening()
    http = Http()
    watched = WatchedHttp(http, tap)
    await watched.request("POST", "https://x/oauth/token")
    http.answer = GatewayUnavailable("no", problem="timeout")
    with pytest.raises(GatewayUnavailable):
        await watched.request("GET", f"https://x/api/v2/interactions/{CALL}%20")
    http.answer = None
    with trio.move_on_after(0):
        await watched.request("GET", "https://x/api/v2/interactions/a")
    assert tap.told == [
        ("asking", "token", None),
        ("answered", 200, {"x": "y"}, b"{}"),
        ("asking", "lookup", f"{CALL} "),
        ("failed", "timeout"),
        ("asking", "lookup", "a"),
        ("failed", "cancelled"),
    ]
    assert watched_http(http, None) is http


async def test_both_sides_say_the_same(autojump_clock: trio.abc.Clock, tmp_path: Path) -> None:
    """What the client sent the gateway received, and the other way round; lost ones apart."""

    async def story(controller: Controller, simulator: Simulator) -> None:
        await controller.hold(CALL, reason="queueing", priority=5)
        simulator.next_upgrade(status=503)
        simulator.close_sockets(code=1012)
        await trio.sleep(30)
        simulator.next_metadata(CALL, connection_lost=True)
        simulator.close_sockets(abrupt=True)
        await trio.sleep(90)
        await controller.unhold(CALL, priority=5)

    ours, theirs = tmp_path / "client.jsonl", tmp_path / "gateway.jsonl"
    await record_session(ours, story, settings=make_settings(), gateway_path=theirs)
    client, gateway = read_wire(ours), read_wire(theirs)
    assert client.whole
    assert gateway.whole
    for kind in ("Sent", "Received", "OpeningRefused", "Opened"):
        said = [
            [getattr(one, "frame", None) for one in side.entries if type(one).__name__ == kind]
            for side in (client, gateway)
        ]
        assert said[0] == said[1], kind
        assert said[0], kind
    ends = [one for one in gateway.entries if type(one).__name__ == "Closed"]
    assert [getattr(one, "code", None) for one in ends][:2] == [1012, None]


# --- on the command line --------------------------------------------------------------------------


def test_a_place_that_does_not_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a service and of the simulator: exit code 2, and the setting that is wrong."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOKFLASH_HOST", "localhost:1")
    monkeypatch.setenv("HOOKFLASH_CLIENT_ID", "me")
    monkeypatch.setenv("HOOKFLASH_CLIENT_SECRET", "s3cret")
    for command in (
        ["run", "--record-wire", "missing/wire.jsonl"],
        ["simulate", "--port", "0", "--tls-dir", "tls", "--record-wire", "missing/wire.jsonl"],
    ):
        assert execute(command) == 2
        assert "missing/wire.jsonl cannot be made" in capsys.readouterr().err
