"""What of a message may be written down: known fields of known messages, and nothing else.

The schema is here, as code: a message is looked through field by field, and what is kept is a
UUID, a time, a small number, an id of an organisation or a skill group, or a word of the
protocol's own. All else becomes a placeholder (`placeholders`) with its type and size: free text,
unknown values of known fields, and unknown fields together with their names. What is no message at
all is told as what it is and how long, without a byte of it.

So nothing depends on secrets being recognised. They are looked for all the same, in the one place
where a gateway chooses the text: see `Redactor.keep_out`.
"""

import math
import re
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast, final

import orjson

from hookflash.adapters.wire.placeholders import SIZE_MAX, placeholder, size_class
from hookflash.machines.conversion import encode_instant
from hookflash.machines.instants import from_text
from hookflash.machines.redaction import redact

REST: Final = "?"
"""The name under which all members stand that are not known."""

STATES: Final = frozenset({"active", "held", "closed", "abandoned", "not_found"})
TYPES: Final = frozenset({"hold", "unhold", "error", "state_update"})
TOKEN_TYPES: Final = frozenset({"bearer", "Bearer"})
SCOPES: Final = frozenset({"interaction:control", "interaction:read"})
ERRORS: Final = frozenset(
    {
        "forbidden",
        "insufficient_scope",
        "invalid_client",
        "invalid_request",
        "invalid_scope",
        "invalid_token",
        "refused",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
"""Words that the protocol, OAuth 2.0 (RFC 6749 and 6750) and our simulator know."""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME: Final = re.compile(r"[A-Za-z0-9]{1,16}(?:[._:-][A-Za-z0-9]{1,16}){0,4}")
_SECONDS: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,3})?")
_CODE: Final = re.compile(r"[0-9]{1,5}")
_HTTP_DATE: Final = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2}"
    r" (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4}"
    r" [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
)
_ISO_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_NUMBER_MAX: Final = 999_999
"""Larger numbers have seven digits and more, as telephone numbers have."""

_FRACTION_MAX: Final = 1_000
_SECRETS_KEPT: Final = 64
_PART_OF_SECRET: Final = 8
"""So many characters of a secret are too much of it; fewer are in it by chance."""

Keep = Callable[[Any], Any]
"""Returns what is kept of a value of one field."""


def keep_uuid(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Keep a UUID."""
    known = value.__class__ is str and _UUID.fullmatch(value) is not None
    return value if known else placeholder(value)


def keep_number(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Keep a number that is too short to be somebody's, fractions to a thousandth."""
    if value.__class__ is int and -_NUMBER_MAX <= value <= _NUMBER_MAX:
        return value
    if value.__class__ is float and math.isfinite(value) and abs(value) < _FRACTION_MAX:
        return round(value, 3)
    return placeholder(value)


def keep_code(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Keep a code: a number, or one written as text."""
    if value.__class__ is str and _CODE.fullmatch(value) is not None:
        return value
    return keep_number(value)


def keep_time(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Keep a time in ISO 8601, to the microsecond and in UTC."""
    if value.__class__ is not str or _ISO_TIME.fullmatch(value) is None:
        return placeholder(value)
    try:
        return encode_instant(from_text(value))
    except (ValueError, OverflowError):
        return placeholder(value)


def keep_scope(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Keep the protocol's own scopes of a list separated by blanks; others become placeholders."""
    if value.__class__ is not str:
        return placeholder(value)
    words = value.split(" ")
    if len(words) > len(SCOPES) + 1:
        return " ".join([*sorted(SCOPES.intersection(words)), "?"])
    return " ".join([word if word in SCOPES else "?" for word in words])


def keep_name(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Keep the id of an organisation or a skill group: policies go by them."""
    if value.__class__ is not str or (
        _UUID.fullmatch(value) is None and (not _NAME.fullmatch(value) or redact(value) != value)
    ):
        return placeholder(value)
    return value


def keep_retry_after(header: str) -> str:
    """Keep a `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3)."""
    header = header.strip()
    known = _SECONDS.fullmatch(header) is not None or _HTTP_DATE.fullmatch(header) is not None
    return header if known else str(placeholder(header))


def keep_word(known: Collection[str]) -> Keep:
    """Return what keeps the *known* words."""
    words = frozenset(known)
    return lambda value: value if value.__class__ is str and value in words else placeholder(value)


Schema = Mapping[str, "Keep | Schema"]
"""Which fields of an object are known; those of an object in it by a schema of its own."""

_keep_state = keep_word(STATES)

TOKEN_ANSWER: Final[Schema] = {
    "access_token": placeholder,
    "token_type": keep_word(TOKEN_TYPES),
    "expires_in": keep_number,
    "scope": keep_scope,
    "error": keep_word(ERRORS),
    "error_description": placeholder,
}
ERROR_ANSWER: Final[Schema] = {
    "error": keep_word(ERRORS),
    "code": keep_code,
    "message": placeholder,
}


@final
class Redactor:
    """Says what is kept of messages. Not for several threads at once.

    Args:
        reasons: The hold reasons that are known words.
        frame_bytes_max: A longer message is not looked into.
    """

    def __init__(self, reasons: Collection[str] = (), frame_bytes_max: int = 65_536) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._secrets: deque[str] = deque(maxlen=_SECRETS_KEPT)
        body: Schema = {
            "type": keep_word(TYPES),
            "interactionId": keep_uuid,
            "state": _keep_state,
            "heldSince": keep_time,
            "holdReason": keep_word(reasons),
            "priority": keep_number,
            "holdMusic": placeholder,
            "holdPrompt": placeholder,
            "code": keep_code,
            "message": placeholder,
            "retryAfter": keep_number,
        }
        self._frame: Schema = {
            "command": keep_word({"send"}),
            "correlationId": keep_uuid,
            "body": body,
            "type": keep_word(TYPES),
            "interactionId": keep_uuid,
            "state": _keep_state,
            "heldSince": keep_time,
        }
        self._metadata: Schema = {
            "id": keep_uuid,
            "state": _keep_state,
            "heldSince": keep_time,
            "routingData": {
                "orgId": self._keep_name,
                "skillGroup": {"id": self._keep_name, "name": placeholder},
            },
        }

    def keep_out(self, secret: str) -> None:
        """See that *secret* is in nothing that is kept: a token, or a client's secret.

        The newest 64 are remembered.
        """
        if secret and secret not in self._secrets:
            self._secrets.append(secret)

    def frame(self, message: str | bytes) -> dict[str, Any]:
        """Return what is kept of a message of the control socket.

        Returns:
            `{"frame": {…}}`; or `{"garbage": {…}}` for what is no object of JSON.
        """
        if len(message) > self._frame_bytes_max:
            return {"garbage": _sized("long", message)}
        return self._parsed(message, self._frame, "frame")

    def body(self, to: str, status: int, content: bytes) -> dict[str, Any]:
        """Return what is kept of the body of an HTTP answer.

        Args:
            to: What was asked: `token` or `lookup`.
            status: The answer's status; bodies of errors are read as errors.
            content: The body.

        Returns:
            `{"body": {…}}`; `{"garbage": {…}}` for what is no object of JSON; empty for none.
        """
        if not content:
            return {}
        if len(content) > self._frame_bytes_max:
            return {"garbage": _sized("long", content)}
        schema = self._metadata if to == "lookup" else TOKEN_ANSWER
        if status != 200 and to == "lookup":
            schema = ERROR_ANSWER
        return self._parsed(content, schema, "body")

    def _parsed(self, message: str | bytes, schema: Schema, name: str) -> dict[str, Any]:
        try:
            document: Any = orjson.loads(message)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            kind = "binary" if isinstance(message, bytes) and name == "frame" else "not_json"
            return {"garbage": _sized(kind, message)}
        if not isinstance(document, dict):
            return {"garbage": _sized("not_object", message)}
        return {name: _kept(cast("dict[str, Any]", document), schema)}

    def _keep_name(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Keep a name, unless it is a known secret or a part of one."""
        for secret in self._secrets if value.__class__ is str else ():
            if secret in value or (len(value) >= _PART_OF_SECRET and value in secret):
                return placeholder(value)
        return keep_name(value)


def _kept(document: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return what is kept of *document*: the known fields, and how large the others are."""
    kept: dict[str, Any] = {}
    others: dict[str, Any] | None = None
    for name, value in document.items():
        keep = schema.get(name)
        if keep is None:
            if others is None:
                others = {}
            others[name] = value
        elif callable(keep):
            kept[name] = keep(value)
        elif isinstance(value, dict):
            kept[name] = _kept(cast("dict[str, Any]", value), keep)
        else:
            kept[name] = placeholder(value)
    if others is not None:
        kept[REST] = placeholder(others)
    return kept


def _sized(kind: str, message: str | bytes) -> dict[str, Any]:
    # No more than that it is garbage and how much: nothing of it is known to be harmless.
    size = len(message)
    return {"is": kind, "length": size if size < SIZE_MAX else size_class(size)}
