"""What is told of the connection machine in its document; labels are those of its samples."""

from hookflash.machines.walkthroughs import Happening as H  # noqa: N817 - there are many
from hookflash.machines.walkthroughs import Walkthrough

WORDS = {
    "control socket": "The one connection to the gateway; commands leave and answers come over it.",
    "gateway": "The telephone system, which carries commands out.",
    "token": "What proves who we are; it is asked for at the token endpoint and lasts for a while.",
    "upgrade": "The request that makes a connection the control socket; it may be refused.",
    "attempt": "Another try to connect after a failure; so many in a row are allowed.",
}
"""What a reader has to know of connections."""

_CONNECTED = ("start_requested", "token_ready", "socket_opened")

WALKTHROUGHS = (
    Walkthrough(
        "When all goes well",
        (
            H("start_requested"),
            H("token_ready"),
            H("socket_opened"),
            H("close_requested", after_s=3600.0),
        ),
    ),
    Walkthrough(
        "When the socket is lost",
        (
            H("socket_lost", after_s=60.0),
            H("retry_timer_fired"),
            H("token_ready"),
            H("socket_failed", "The gateway is not back yet."),
            H("retry_timer_fired"),
            H("token_ready"),
            H("socket_opened"),
        ),
        before=_CONNECTED,
    ),
    Walkthrough(
        "When the attempts to reconnect are used up",
        (
            H("socket_lost", after_s=60.0),
            H("retry_timer_fired"),
            H("token_ready"),
            H("socket_failed", "The gateway is away."),
            H("retry_timer_fired"),
            H("token_ready"),
            H("socket_failed", "The gateway is still away."),
            H("rest_timer_fired"),
            H("token_ready"),
            H("socket_opened"),
        ),
        given="The policy allows two attempts in a row.",
        before=_CONNECTED,
        policy="two attempts",
    ),
    Walkthrough(
        "When the token was revoked",
        (
            H("upgrade_unauthorized"),
            H("token_ready", "A new token is at hand."),
            H("socket_opened"),
        ),
        before=("start_requested", "token_ready"),
    ),
    Walkthrough(
        "When even a new token is not accepted",
        (
            H("upgrade_unauthorized"),
            H("token_ready", "A new token is at hand."),
            H("upgrade_unauthorized", "The upgrade with the new token was answered with 401 too."),
            H("rest_timer_fired"),
        ),
        before=("start_requested", "token_ready"),
    ),
    Walkthrough(
        "When the credentials are wrong",
        (H("token_refused"), H("rest_timer_fired")),
        before=("start_requested",),
    ),
    Walkthrough(
        "When the gateway does not let us in",
        (H("upgrade_refused"), H("rest_timer_fired")),
        before=("start_requested", "token_ready"),
    ),
    Walkthrough(
        "When the connection is closed during a pause",
        (H("socket_lost", after_s=60.0), H("close_requested", after_s=1.0)),
        before=_CONNECTED,
    ),
)
"""In the order of the document."""
