"""The doctor: whether hookflash can do its work here, one check after the other.

Each check uses what the service itself uses, so that one that passes here passes there.
"""

import email.utils
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, cast
from urllib.parse import urlencode

import orjson
import trio
from attrs import define, field, frozen

from hookflash.adapters.composition import open_gateway
from hookflash.adapters.http import HttpClient, HttpResponse
from hookflash.adapters.network import Network, TcpNetwork
from hookflash.adapters.settings import Credentials, Settings, credentials_of
from hookflash.engine.clock import SteadyClock
from hookflash.engine.ports import Gateway, LinkGivenUp, LinkUp, News
from hookflash.machines.errors import GatewayUnavailable, HookflashError, NotAuthorized

CONTROL_SCOPE: Final = "interaction:control"
READ_SCOPE: Final = "interaction:read"

SKEW_MAX_S: Final = 10.0
"""Tokens are used until 30 s before their end at most, holds of others count from the gateway's
clock: a difference of a third of that margin does not matter yet."""

SOCKET_TIMEOUT_S: Final = 10.0

CLOSE_TIMEOUT_S: Final = 2.0
"""For closing connections that nothing is in flight on."""

Result = Literal["ok", "failed", "skipped"]


@frozen
class Check:
    """One check.

    Attributes:
        name: What was checked.
        result: How it went.
        message: What was found.
        advice: What to do about it; empty where nothing needs to be done.
        exit_code: The exit code that it asks for; 0 unless it failed.
    """

    name: str
    result: Result
    message: str
    advice: str = ""
    exit_code: int = 0


def failed(name: str, error: HookflashError) -> Check:
    """Return the failed check called *name* that *error* makes."""
    message = "; ".join(error.message.splitlines())
    return Check(name, "failed", message, error.advice, error.exit_code)


@define
class _Patient:
    """What the checks find out for one another."""

    settings: Settings
    network: Network
    credentials: Credentials | None = None
    answer: HttpResponse | None = None
    asked_at: float = 0.0
    answered_at: float = 0.0
    passed: set[str] = field(factory=set[str])

    @property
    def place(self) -> str:
        """The gateway's address, for messages."""
        host, port = self.settings.gateway.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def examine(
    settings: Settings, told: Callable[[Check], None], *, network: Network | None = None
) -> list[Check]:
    """Check credentials, connectivity, scopes and clocks, in order.

    Opens a control socket for a moment. Checks that make no sense after one that failed are
    skipped.

    Args:
        settings: The settings, which were loaded without an error.
        told: Called with each check when it is done.
        network: Opens connections; None takes the real network.

    Returns:
        All checks.
    """
    ca_file = settings.gateway.ca_file
    patient = _Patient(settings, network or TcpNetwork(None if ca_file is None else str(ca_file)))
    checks: list[Check] = []
    for name, needs, step in _STEPS:
        if needs and needs not in patient.passed:
            check = Check(name, "skipped", f"because {needs} failed")
        else:
            try:
                check = Check(name, "ok", await step(patient))
                patient.passed.add(name)
            except HookflashError as error:
                check = failed(name, error)
        checks.append(check)
        told(check)
    return checks


def exit_code_of(checks: list[Check]) -> int:
    """Return the exit code: that of the first check that failed, 0 where none did."""
    return next((check.exit_code for check in checks if check.result == "failed"), 0)


async def _credentials(patient: _Patient) -> str:
    await trio.lowlevel.checkpoint()
    found = patient.credentials = credentials_of(patient.settings)
    return f"client {found.client_id} at {patient.place}"


async def _tcp(patient: _Patient) -> str:
    await _open(patient, tls=False)
    return f"{patient.place} accepts connections"


async def _tls(patient: _Patient) -> str:
    await _open(patient, tls=True)
    return "the certificate is trusted and for this host"


async def _open(patient: _Patient, *, tls: bool) -> None:
    host, port = patient.settings.gateway.address
    stream = await patient.network.open_stream(host, port, tls=tls, server_name=host)
    await trio.aclose_forcefully(stream)


async def _token(patient: _Patient) -> str:
    assert patient.credentials is not None  # noqa: S101 - this check needs that one
    gateway = patient.settings.gateway
    form = {
        "grant_type": "client_credentials",
        "client_id": patient.credentials.client_id,
        "client_secret": patient.credentials.client_secret.get_secret_value(),
        "scope": gateway.scope,
    }
    http = HttpClient(patient.network, connections_max=1)
    patient.asked_at = time.time()
    try:
        answer = await http.request(
            "POST",
            f"https://{patient.place}/oauth/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode("ascii"),
            timeout_s=gateway.request_timeout_s,
        )
    finally:
        with trio.move_on_after(1.0, shield=True):
            await http.aclose()
    patient.answered_at = time.time()
    patient.answer = answer
    if answer.status in {400, 401, 403}:
        raise NotAuthorized(
            f"the gateway does not accept the credentials ({answer.status})",
            advice="see whether client id and secret are right and the client is enabled",
        )
    if answer.status != 200:
        raise GatewayUnavailable(
            f"the token endpoint answered with {answer.status}",
            advice="see whether host and port are right and the gateway is well",
        )
    return "the gateway gives tokens"


async def _scopes(patient: _Patient) -> str:
    await trio.lowlevel.checkpoint()
    assert patient.answer is not None  # noqa: S101 - this check needs that one
    try:
        document: Any = orjson.loads(patient.answer.body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise GatewayUnavailable(
            "the token endpoint's answer is no JSON object",
            advice="see whether host and port are those of the gateway",
        )
    scope = cast("dict[str, Any]", document).get("scope")
    if not isinstance(scope, str):
        return "the gateway does not say which scopes it granted"
    missing = [name for name in (CONTROL_SCOPE, READ_SCOPE) if name not in scope.split()]
    if missing:
        raise NotAuthorized(
            f"the token lacks the scope {' and '.join(missing)}",
            advice="grant it to this client id, and ask for it ([gateway] scope)",
        )
    return f"granted: {CONTROL_SCOPE} and {READ_SCOPE}"


async def _clock(patient: _Patient) -> str:
    await trio.lowlevel.checkpoint()
    assert patient.answer is not None  # noqa: S101 - this check needs that one
    date = patient.answer.headers.get("date", "")
    skew_s = clock_skew_s(date, patient.asked_at, patient.answered_at)
    if skew_s is None:
        return "the gateway does not tell its time"
    if abs(skew_s) > SKEW_MAX_S:
        direction = "ahead of" if skew_s > 0 else "behind"
        raise HookflashError(
            f"our clock is {abs(skew_s):.0f} s {direction} the gateway's",
            advice="let a time service (NTP) set the clock of this machine",
        )
    return f"our clock and the gateway's differ by less than {SKEW_MAX_S:g} s"


def clock_skew_s(date: str, asked_at: float, answered_at: float) -> float | None:
    """Return by how many seconds our clock is ahead of theirs, at least; negative when behind.

    Args:
        date: Their `Date` header (RFC 9110): whole seconds, cut off.
        asked_at: When we asked, in seconds since the epoch.
        answered_at: When their answer came.

    Returns:
        0 where the answer may have been given in the time between; None where *date* is no date.
    """
    try:
        theirs = email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    # The true time of the answer lies up to one second after what the header says.
    if theirs + 1.0 < asked_at:
        return asked_at - theirs - 1.0
    return min(0.0, answered_at - theirs)


async def _metadata(patient: _Patient) -> str:
    gateway = open_gateway(patient.settings, SteadyClock(), network=patient.network)
    try:
        # An interaction that cannot exist: `not_found` is the answer of a gateway that is well.
        await gateway.look_up(str(uuid.uuid4()))
    finally:
        with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await close_unconnected(gateway)
    return "the gateway answers questions about interactions"


async def _socket(patient: _Patient) -> str:
    gateway = open_gateway(patient.settings, SteadyClock(), network=patient.network)
    inbox = _LinkNews()
    async with trio.open_nursery() as nursery:
        await nursery.start(gateway.run, inbox)
        with trio.move_on_after(SOCKET_TIMEOUT_S):
            await inbox.settled.wait()
        nursery.cancel_scope.cancel()
    if inbox.error is not None:
        raise inbox.error
    if not inbox.settled.is_set():
        raise GatewayUnavailable(
            f"the control socket did not open within {SOCKET_TIMEOUT_S:g} s",
            advice="see whether a proxy between here and the gateway lets WebSockets through",
        )
    return "the control socket opens"


async def close_unconnected(gateway: Gateway) -> None:
    """Close what *gateway*, which was never run, opened for its lookups.

    Its `run` does that at its end; cancelled before it began, it opens nothing.
    """
    with trio.CancelScope() as scope:
        scope.cancel()
        await gateway.run(_LinkNews())


class _LinkNews:
    """An inbox that only wants to know whether the socket opens."""

    def __init__(self) -> None:
        self.settled = trio.Event()
        self.error: HookflashError | None = None

    def tell(self, news: News) -> bool:
        """Note the first news about the link that settles it."""
        if isinstance(news, LinkUp | LinkGivenUp) and not self.settled.is_set():
            self.error = news.error if isinstance(news, LinkGivenUp) else None
            self.settled.set()
        return True


Step = Callable[[_Patient], Awaitable[str]]

_STEPS: Final[tuple[tuple[str, str, Step], ...]] = (
    ("credentials", "", _credentials),
    ("connection", "credentials", _tcp),
    ("tls", "connection", _tls),
    ("token", "tls", _token),
    ("scopes", "token", _scopes),
    ("clock", "token", _clock),
    ("metadata", "token", _metadata),
    ("socket", "token", _socket),
)
"""The checks: their names, which one each needs, and what they do."""
