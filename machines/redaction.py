"""Redaction: what must not reach a recording, an audit log, a log or an error's text.

Free text may carry telephone numbers, addresses and tokens: callers type prompts, gateways answer
with messages. What is found is replaced by its kind in brackets, so that a reader still sees that
something stood there. Redacting a second time changes nothing, so that a replayed recording comes
out as it was recorded.
"""

import re
from functools import lru_cache

_SECRETS = re.compile(
    r"""(?ix)
    \b(?P<scheme>bearer|basic)\s+[^\s"',;&<>\[\]]+
    | \b(?P<name>(?:access|refresh|id)_token|client_secret|password|api_?key)
      (?P<mark>["']?\s*[=:]\s*["']?)[^\s"',;&<>\[\]]+
    | \b(?P<address>tel|sips?):[^\s"',;<>\[\]]+
    """
)
_KEPT = re.compile(
    r"""(?x)
    (
      (?<![0-9a-fA-F-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F-])
      | (?<![\d-])(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\d-])(?![T ]\d\d:)
      | (?<!\d)\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?
      | (?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}
        (?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d):\d{1,5}(?!\d)
    )
    """
)
"""UUIDs, ISO times and IPv4 addresses with a port look like numbers to dial, but are not."""

_NUMBER = re.compile(r"\+?\(?\d(?:[\s().\-/\u2010-\u2015\u2212]{0,3}\d){6,}")
"""Seven digits or more with what people write between them. ITU-T E.164 numbers have up to 15;
local ones with seven are the shortest that name somebody."""

_DIGITS = re.compile(r"\d\D{0,3}\d\D{0,3}\d\D{0,3}\d\D{0,3}\d\D{0,3}\d\D{0,3}\d")
_CACHED_LENGTH_MAX = 128
_SHOWN_LENGTH_MAX = 64


def redact(text: str) -> str:
    """Return *text* without telephone numbers, telephone and SIP addresses, and tokens.

    UUIDs, ISO times and IPv4 addresses with a port stay. `redact(redact(t)) == redact(t)`.

    Args:
        text: Free text, of any length.

    Returns:
        The same text where nothing was found; else with `[number]`, `[address]` or `[secret]` in
        place of what was.
    """
    return _redact_short(text) if len(text) <= _CACHED_LENGTH_MAX else _redact(text)


def printable(text: str) -> str:
    """Return what somebody typed as logs can bear it: redacted, short, without odd characters."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return redact(shown)[:_SHOWN_LENGTH_MAX]


def _redact(text: str) -> str:
    text = _SECRETS.sub(_replacement, text)
    if not _DIGITS.search(text):
        return text
    parts = _KEPT.split(text)
    parts[::2] = [_NUMBER.sub("[number]", part) for part in parts[::2]]
    return "".join(parts)


_redact_short = lru_cache(maxsize=1024)(_redact)
"""Short texts come again and again: hold reasons, names of hold music, a gateway's refusals."""


def _replacement(match: re.Match[str]) -> str:
    scheme, address = match["scheme"], match["address"]
    if scheme:
        return f"{scheme} [secret]"
    if address:
        return f"{address}:[address]"
    return f"{match['name']}{match['mark']}[secret]"
