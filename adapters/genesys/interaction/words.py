"""The gateway's own words, made fit for logs and error texts."""

import re
from typing import Any, Final

from hookflash.machines.redaction import redact

WORDS_MAX: Final = 200
"""Characters of the gateway's words that are kept."""

_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")


def harmless(words: Any) -> str | None:  # noqa: ANN401 - whatever the gateway sent
    """Return *words* on one line, shortened, without tokens and phone numbers.

    Returns:
        At most 200 characters; None where *words* is no text or there is nothing in it.
    """
    if not isinstance(words, str):
        return None
    # Shortened before it is searched, so that no text makes that slow; and after, to its length.
    text = redact(_INVISIBLE.sub(" ", words[: 4 * WORDS_MAX]).strip())
    # Lone surrogates cannot be written to a log file.
    return text[:WORDS_MAX].encode("utf-8", "replace").decode("utf-8") or None
