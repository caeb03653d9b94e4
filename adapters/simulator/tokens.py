"""The token endpoint: who gets a token, with which scopes, for how long. Without I/O or clock."""

import secrets
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs

import attrs

from hookflash.adapters.simulator.faults import DEFAULT_SCOPES, Faults

MAX_TOKENS = 10_000
"""How many tokens are remembered; the oldest is forgotten, which is the same as revoked."""

CONTROL_SCOPE = "interaction:control"
READ_SCOPE = "interaction:read"


@attrs.frozen
class _Grant:
    scopes: frozenset[str]
    expires_at_s: float


@attrs.frozen
class TokenAnswer:
    """What the token endpoint says.

    Attributes:
        status: 200, 400 or 401.
        body: The JSON object of the answer.
    """

    status: int
    body: dict[str, Any]


class TokenDesk:
    """Issues tokens and knows which are good.

    Token texts come from the system's randomness, never from the simulator's seed: nothing that
    the simulator does depends on them.
    """

    def __init__(self) -> None:
        self._grants: dict[str, _Grant] = {}

    def answer(self, form: bytes, faults: Faults, now_s: float) -> TokenAnswer:
        """Answer a token request.

        Args:
            form: The form-encoded body.
            faults: Says who is accepted, what is granted and for how long.
            now_s: The present in seconds, on the clock that `scopes_of` is asked with.

        Returns:
            200 with a token; 400 for a request that is malformed; 401 for credentials that are
            not accepted.
        """
        try:
            fields = {
                name: values[-1]
                for name, values in parse_qs(
                    form.decode("ascii"),
                    keep_blank_values=True,
                    strict_parsing=True,
                    errors="strict",
                    max_num_fields=32,
                ).items()
            }
        except ValueError:
            return _bad("invalid_request", "the body is not form-encoded")
        if "grant_type" not in fields:
            return _bad("invalid_request", "grant_type is missing")
        if fields["grant_type"] != "client_credentials":
            return _bad("unsupported_grant_type", "only client_credentials is supported")
        missing = [name for name in ("client_id", "client_secret") if not fields.get(name)]
        if missing:
            return _bad("invalid_request", f"{' and '.join(missing)} missing")
        if not _accepts(fields["client_id"], fields["client_secret"], faults):
            description = "client credentials are not accepted"
            return TokenAnswer(401, {"error": "invalid_client", "error_description": description})
        wanted = fields.get("scope", "").split() or list(DEFAULT_SCOPES)
        return TokenAnswer(200, self._issue(wanted, faults, now_s))

    def scopes_of(self, token: str | None, now_s: float) -> Collection[str] | None:
        """The scopes of a token; None where it is missing, unknown, revoked or expired."""
        grant = self._grants.get(token) if token else None
        if grant is None or now_s >= grant.expires_at_s:
            return None
        return grant.scopes

    def revoke_all(self) -> None:
        """Make every token issued so far worthless; open sockets live on."""
        self._grants.clear()

    def _issue(self, wanted: list[str], faults: Faults, now_s: float) -> dict[str, Any]:
        settings = faults.token
        granted = [scope for scope in dict.fromkeys(wanted) if scope in settings.scopes]
        token = secrets.token_urlsafe(32)
        self._grants[token] = _Grant(frozenset(granted), now_s + settings.lifetime_s)
        if len(self._grants) > MAX_TOKENS:
            del self._grants[next(iter(self._grants))]
        lifetime_s = settings.lifetime_s
        body: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
        if not settings.omit_expires_in:
            whole = lifetime_s.is_integer()
            body["expires_in"] = int(lifetime_s) if whole else lifetime_s
        if not settings.omit_scope:
            body["scope"] = " ".join(granted)
        return body


def _accepts(client_id: str, secret: str, faults: Faults) -> bool:
    clients = faults.clients
    if clients.ids and client_id not in clients.ids:
        return False
    if clients.secrets and secret not in clients.secrets:
        return False
    return secret not in clients.refused_secrets


def _bad(error: str, description: str) -> TokenAnswer:
    return TokenAnswer(400, {"error": error, "error_description": description})
