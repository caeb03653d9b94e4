"""The recorder: writes down what it is told, redacted, within its bounds."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Literal, Protocol, final
from urllib.parse import quote, quote_plus

import orjson

from hookflash.adapters.wire.entries import KINDS, WireEntry, WireHeader
from hookflash.adapters.wire.lines import fields_of, write_header, write_line
from hookflash.adapters.wire.redaction import Redactor, keep_retry_after, keep_uuid
from hookflash.engine.logs import get_logger
from hookflash.machines.instants import Instant

BYTES_MAX: Final = 268_435_456
"""Size at which a recording ends by default: some million lines."""

LAST_LINES_BYTES: Final = 1_024
"""Kept free for the lines that say how the file ends."""

FRAME_BYTES_MAX: Final = 65_536
"""Longer messages are not looked into by default; the gateway's codec reads none of them either."""

PROBLEMS: Final = frozenset(
    {
        *("name", "refused", "timeout", "lost", "certificate", "not_tls", "tls"),
        *("request", "too_large", "cancelled"),
    }
)
"""The words of `Network` and `HttpClient` for why there was no answer."""

log = get_logger("hookflash.wire")


class Sink(Protocol):
    """Where lines go."""

    @property
    def problem(self) -> str | None:
        """Why it takes no more; None while it does."""
        ...

    def put(self, line: bytes) -> bool:
        """Take *line*; False where there is no room at present. Never waits."""
        ...

    def close(self) -> bool:
        """Take no more; whether all that was put is kept."""
        ...


@final
class WireRecorder:
    """Writes a wire recording; it is a `WireTap`. Belongs to one trio run.

    Nothing it is told makes it wait or raise. Where lines cannot be written, the file says so.

    Args:
        sink: Where lines go.
        header: What stands at the beginning.
        now: The clock.
        bytes_max: Size at which the recording ends.
        secrets: What must be nowhere in it: the client's secret.
    """

    def __init__(
        self,
        sink: Sink,
        header: WireHeader,
        now: Callable[[], Instant],
        *,
        bytes_max: int = BYTES_MAX,
        secrets: Collection[str] = (),
    ) -> None:
        self._sink = sink
        self._now = now
        self._bytes_max = bytes_max
        self._redactor = Redactor(header.reasons, header.frame_bytes_max)
        for secret in secrets:
            self._keep_out(secret)
        line = write_header(header)
        self._size = len(line)
        self._n = 0
        self._dropped = 0
        self._unsaid = 0
        self._conns = 0
        self._exchanges = 0
        self._last_at = header.created
        self._recording = sink.put(line)

    @property
    def recording(self) -> bool:
        """Whether more is written down."""
        return self._recording

    @property
    def dropped(self) -> int:
        """How many lines are missing, because the disk was too slow."""
        return self._dropped

    # --- what the wire tells ----------------------------------------------------------------------

    def opening(self) -> "RecordedSocket":
        """Write down that a control socket is asked for."""
        self._conns += 1
        self._put("opening", {"conn": self._conns})
        return RecordedSocket(self, self._conns)

    def asking(
        self, to: Literal["token", "lookup"], interaction_id: str | None
    ) -> "RecordedExchange":
        """Write down that a request is made."""
        self._exchanges += 1
        fields: dict[str, Any] = {"exchange": self._exchanges, "to": to}
        if interaction_id is not None:
            fields["interaction"] = keep_uuid(interaction_id)
        self._put("asked", fields)
        return RecordedExchange(self, self._exchanges, to)

    def note(self, entry: WireEntry) -> None:
        """Write down *entry*, in which there is nothing that may not be kept."""
        self._put(KINDS[entry.__class__], fields_of(entry), entry.at)

    def now(self) -> Instant:
        """Return the instant of the next line."""
        return self._now()

    def close(self) -> None:
        """End the recording; a second call does nothing."""
        if self._recording and self._say_dropped() and self._recording:
            self._put_line("end", {"dropped": self._dropped}, self._now())
        self._recording = False
        if not self._sink.close():
            self._tell_problem(self._sink.problem or "the disk did not take it in time")

    def last_words(self, lines: int) -> bytes:
        """Return the line that says that the disk took no more; *lines* are in the file."""
        return write_line(lines, "stopped", self._last_at, {"reason": "disk"})

    # --- the parts --------------------------------------------------------------------------------

    def put_socket(self, kind: str, conn: int, fields: Mapping[str, Any]) -> None:
        """Write down what happened to a control socket."""
        self._put(kind, {"conn": conn, **fields})

    def put_message(self, kind: str, conn: int, message: str | bytes) -> None:
        """Write down what is kept of a message."""
        if self._recording:
            self._put(kind, {"conn": conn, **self._redactor.frame(message)})

    def put_answer(
        self, exchange: int, to: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Write down what is kept of an answer."""
        if not self._recording:
            return
        if to == "token" and status == 200:
            self._learn_token(body)
        fields = {"exchange": exchange, **answer_head(status, headers)}
        self._put("answered", {**fields, **self._redactor.body(to, status, body)})

    def put_unanswered(self, exchange: int, problem: str) -> None:
        """Write down that a request was not answered."""
        self._put("unanswered", {"exchange": exchange, "problem": known_problem(problem)})

    def _learn_token(self, body: bytes) -> None:
        try:
            document: Any = orjson.loads(body)
        except orjson.JSONDecodeError:
            return
        token: Any = document.get("access_token") if isinstance(document, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(token, str):
            self._keep_out(token)

    def _keep_out(self, secret: str) -> None:
        for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
            self._redactor.keep_out(form)

    def _put(self, kind: str, fields: Mapping[str, Any], at: Instant | None = None) -> None:
        if not self._recording:
            return
        if self._sink.problem is not None:
            self._recording = False
            self._tell_problem(self._sink.problem)
            return
        taken = self._say_dropped()
        if taken and self._recording:
            taken = self._put_line(kind, fields, self._now() if at is None else at)
        if not taken:
            self._drop()

    def _put_line(self, kind: str, fields: Mapping[str, Any], at: Instant) -> bool:
        """Put a line, or the one that says that the file has its size."""
        self._last_at = at
        line = write_line(self._n + 1, kind, at, fields)
        room = LAST_LINES_BYTES if kind not in {"end", "dropped"} else 0
        if self._size + len(line) + room > self._bytes_max:
            self._stop_at_size(at)
            return True
        if not self._sink.put(line):
            return False
        self._n += 1
        self._size += len(line)
        return True

    def _stop_at_size(self, at: Instant) -> None:
        self._sink.put(write_line(self._n + 1, "stopped", at, {"reason": "size"}))
        self._recording = False
        log.warning("wire.recording.full", bytes=self._size, advice="set [wire] max_bytes")

    def _drop(self) -> None:
        self._dropped += 1
        self._unsaid += 1
        if self._dropped & (self._dropped - 1) == 0:  # at 1, 2, 4, 8, …: not once per line
            log.warning("wire.recording.dropped", lines=self._dropped)

    def _say_dropped(self) -> bool:
        """Say in the file how many lines are missing here; False where that found no room."""
        if not self._unsaid:
            return True
        if not self._put_line("dropped", {"lines": self._unsaid}, self._now()):
            return False
        self._unsaid = 0
        return True

    def _tell_problem(self, problem: str) -> None:
        log.warning("wire.recording.failed", reason=problem)


@final
class RecordedSocket:
    """One control socket of a recording; see `SocketTap`."""

    def __init__(self, recorder: WireRecorder, conn: int) -> None:
        self._recorder = recorder
        self._conn = conn

    def opened(self) -> None:
        """Write that down."""
        self._recorder.put_socket("opened", self._conn, {})

    def refused(self, status: int, headers: Mapping[str, str]) -> None:
        """Write that down."""
        self._recorder.put_socket("refused", self._conn, answer_head(status, headers))

    def failed(self, problem: str) -> None:
        """Write that down."""
        self._recorder.put_socket("failed", self._conn, {"problem": known_problem(problem)})

    def sent(self, message: str | bytes) -> None:
        """Write down what is kept of it."""
        self._recorder.put_message("sent", self._conn, message)

    def received(self, message: str | bytes) -> None:
        """Write down what is kept of it."""
        self._recorder.put_message("received", self._conn, message)

    def closed(self, by: Literal["client", "gateway", "lost"], code: int | None) -> None:
        """Write that down; the reason is free text, and is not kept."""
        fields: dict[str, Any] = {"by": by}
        if code is not None:
            fields["code"] = code
        self._recorder.put_socket("closed", self._conn, fields)


@final
class RecordedExchange:
    """One request of a recording; see `ExchangeTap`."""

    def __init__(self, recorder: WireRecorder, exchange: int, to: str) -> None:
        self._recorder = recorder
        self._exchange = exchange
        self._to = to

    def answered(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Write down what is kept of it."""
        self._recorder.put_answer(self._exchange, self._to, status, headers, body)

    def failed(self, problem: str) -> None:
        """Write that down."""
        self._recorder.put_unanswered(self._exchange, problem)


def answer_head(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return what is kept of the head of an answer: its status, and when to come again."""
    fields: dict[str, Any] = {"status": status}
    retry_after = headers.get("retry-after")
    if retry_after is not None:
        fields["retry_after"] = keep_retry_after(retry_after)
    return fields


def known_problem(problem: str) -> str:
    """Return *problem* if it is one of our own words."""
    return problem if problem in PROBLEMS else "unknown"
