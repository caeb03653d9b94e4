"""What is told of the hold machine in its document: the questions that people ask about holds.

Labels are those of the samples (`hold_samples`). What is answered is not written here: the machine
answers when the document is made.
"""

from hookflash.machines.walkthroughs import Happening as H  # noqa: N817 - there are many
from hookflash.machines.walkthroughs import Walkthrough

_HELD = ("hold_requested", "sent", "acknowledged")
_NEARLY_OVER = (*_HELD, "warning_timer_fired")
_EXPIRED = (*_NEARLY_OVER, "limit_timer_fired")
_HOLDING = ("hold_requested", "sent")
_UNHOLDING = (*_HELD, "unhold_requested", "sent")

_ENDED_IN_DOUBT = ("hold_requested", "sent", "ack_timer_fired", "observed_active:lookup")

_UNHOLD_SENT = (
    H("unhold_requested", after_s=60.0),
    H("sent", "The unhold frame was written to the socket."),
)
_LATE_UNHOLD = (
    H("unhold_requested", "Two seconds before the limit, somebody wants the caller off hold.", 178),
    H("sent", "The unhold frame was written to the socket."),
    H("limit_timer_fired", "The hold reaches its limit while the unhold is under way."),
)

_AS_MEANT = (
    Walkthrough(
        "When all goes well",
        (
            H("hold_requested"),
            H("sent", "The hold frame was written to the socket."),
            H("acknowledged", "The gateway acknowledges the hold."),
            *_UNHOLD_SENT,
            H("acknowledged", "The gateway acknowledges the unhold."),
        ),
    ),
    Walkthrough(
        "When what is asked for is so already, or may not be done",
        (
            H("unhold_requested", "Somebody wants a caller off hold who is not on hold."),
            H(
                "hold_requested:ineligible",
                "Somebody wants a caller on hold who has hung up, as the lookup before says.",
            ),
        ),
    ),
)

_LOST_ANSWERS = (
    Walkthrough(
        "When the acknowledgement of a hold is lost and the hold was carried out",
        (
            H("hold_requested"),
            H("sent", "The hold frame was written to the socket. Its acknowledgement is lost."),
            H("ack_timer_fired"),
            H("observed_held:lookup", "The lookup brings its answer: the caller is on hold."),
            H("acknowledged:earlier_hold", "The acknowledgement arrives after all, much too late."),
        ),
        given="The gateway carries the hold out; its answer gets lost on the way.",
        remark="When the gateway carried the hold out is not known, so the limit counts from the"
        " sending: of 15 min there are 14.9 left. An acknowledged hold counts from its"
        " acknowledgement.",
    ),
    Walkthrough(
        "When the acknowledgement of a hold is lost and the hold was not carried out",
        (
            H("hold_requested"),
            H("sent", "The hold frame was written to the socket, and never reaches the gateway."),
            H("ack_timer_fired"),
            H("observed_active:lookup", "The lookup brings its answer: the caller is not on hold."),
        ),
        given="The gateway never got the hold frame.",
    ),
    Walkthrough(
        "When a hold that counted as not carried out is carried out after all",
        (
            H("acknowledged:earlier_hold", "The gateway acknowledges the hold after all."),
            H("observed_held:lookup", "The lookup brings its answer: the caller is on hold."),
        ),
        given="A lookup said that nobody is on hold, and the requester was told that the hold was"
        " not carried out. The gateway carries it out afterwards.",
        before=_ENDED_IN_DOUBT,
        remark="The command has ended, so this counts as somebody else's hold, although it is ours:"
        " it is noted as foreign, has no reason, and where foreign holds are only watched it is"
        " only watched too. The same comes of a frame or a lookup that says held without the late"
        " acknowledgement.",
    ),
    Walkthrough(
        "When the acknowledgement of an unhold is lost and the unhold was carried out",
        (
            *_UNHOLD_SENT,
            H("ack_timer_fired"),
            H("observed_active:lookup", "The lookup brings its answer: the caller is not on hold."),
        ),
        given="The gateway carries the unhold out; its answer gets lost on the way.",
        before=_HELD,
    ),
    Walkthrough(
        "When the acknowledgement of an unhold is lost and the unhold was not carried out",
        (
            *_UNHOLD_SENT,
            H("ack_timer_fired"),
            H("observed_held:lookup", "The lookup brings its answer: the caller is still on hold."),
            H("sent", "The second unhold frame was written to the socket."),
            H("acknowledged", "The gateway acknowledges the second frame."),
        ),
        given="The gateway never got the first unhold frame.",
        before=_HELD,
    ),
    Walkthrough(
        "When an unhold is lost twice",
        (
            *_UNHOLD_SENT,
            H("ack_timer_fired"),
            H("observed_held:lookup", "The lookup brings its answer: the caller is still on hold."),
            H("sent", "The second unhold frame was written to the socket."),
            H("ack_timer_fired"),
            H("observed_held:lookup", "The lookup brings its answer: the caller is still on hold."),
        ),
        given="The gateway gets neither of the two frames.",
        before=_HELD,
        remark="`HoldRefused` means “not carried out” here: nobody refused anything. Nothing more"
        " is tried by itself before the limit, which goes on counting; another command may be given"
        " at once.",
    ),
    Walkthrough(
        "When the gateway cannot be asked either",
        (
            H("ack_timer_fired"),
            H("lookup_failed"),
            H("lookup_timer_fired"),
            H("lookup_failed", "The second lookup brings no answer either."),
            H("lookup_timer_fired"),
            H("observed_held:lookup", "The third lookup brings its answer: the caller is on hold."),
        ),
        given="A hold was sent, and the gateway answers nothing for a while.",
        before=_HOLDING,
        remark="While no lookup is answered the gateway is asked again without end, at last every"
        " 30 s. A requester whose deadline passes gets `OutcomeUnknown`; that ends nothing here."
        " Another command of this interaction would be rejected with `CommandBusy`. hookflash holds"
        " it back until this one has ended; where its own deadline passes before, it gets"
        " `GatewayUnavailable`, and where too many wait already, `CommandBusy`.",
    ),
)

_SOCKET = (
    Walkthrough(
        "When the socket is lost while a hold is under way",
        (
            H("link_lost"),
            H("link_restored", after_s=2.0),
            H("observed_held:lookup", "The lookup brings its answer: the caller is on hold."),
        ),
        before=_HOLDING,
    ),
    Walkthrough(
        "When the socket is lost while a caller is on hold",
        (
            H("link_lost", after_s=60.0),
            H("link_restored", after_s=2.0),
            H("observed_active:lookup", "The lookup brings its answer: the caller is not on hold."),
        ),
        given="Somebody else released the caller while the socket was away.",
        before=_HELD,
    ),
    Walkthrough(
        "When a command is given up before its frame could be written",
        (H("unhold_requested"), H("not_sent")),
        given="The socket is away, and the deadline of the command passes.",
        before=_HELD,
    ),
)

_REFUSALS = (
    Walkthrough(
        "When the gateway refuses a hold and says why",
        (H("refused:active", "The gateway refuses: the caller is not on hold and will not be."),),
        before=_HOLDING,
    ),
    Walkthrough(
        "When the gateway refuses because of its rate limit",
        (
            H("refused:429", "The gateway refuses with code 429, its rate limit."),
            H("observed_active:lookup", "The lookup brings its answer: the caller is not on hold."),
        ),
        before=_HOLDING,
    ),
    Walkthrough(
        "When the gateway refuses an unhold because nobody is on hold",
        (H("refused:active", "The gateway refuses: the caller is not on hold any more."),),
        before=_UNHOLDING,
    ),
)

_LIMIT = (
    Walkthrough(
        "When the limit passes and the policy releases",
        (
            H("warning_timer_fired"),
            H("limit_timer_fired"),
            H("sent", "The unhold frame was written to the socket."),
            H("acknowledged", "The gateway acknowledges the unhold."),
        ),
        before=_HELD,
        policy="release",
    ),
    Walkthrough(
        "When the limit passes and the policy waits for a decision",
        (
            H("warning_timer_fired"),
            H("limit_timer_fired"),
            H("release_timer_fired"),
            H("unhold_requested", "Somebody wants the caller off hold, without force."),
            H("unhold_requested:force", "Somebody insists: off hold, with force."),
            H("sent", "The unhold frame was written to the socket."),
            H("acknowledged", "The gateway acknowledges the unhold."),
        ),
        before=_HELD,
        policy="expire",
    ),
    Walkthrough(
        "When the limit passes during an unhold that succeeds",
        (*_LATE_UNHOLD, H("acknowledged", "The gateway acknowledges the unhold.")),
        before=_NEARLY_OVER,
        policy="release",
    ),
    Walkthrough(
        "When the limit passes during an unhold that fails",
        (
            *_LATE_UNHOLD,
            H("ack_timer_fired"),
            H("observed_held:lookup", "The lookup brings its answer: the caller is still on hold."),
            H("sent", "The second unhold frame was written to the socket."),
            H("ack_timer_fired"),
            H("observed_held:lookup", "The lookup brings its answer: the caller is still on hold."),
            H("release_timer_fired"),
            H("sent", "The frame of the release was written to the socket."),
            H("acknowledged", "The gateway acknowledges the release."),
        ),
        given="The gateway gets none of the frames of the unhold.",
        before=_NEARLY_OVER,
        policy="release",
    ),
    Walkthrough(
        "When the limit passes during an unhold that fails and the policy waits for a decision",
        (
            *_LATE_UNHOLD,
            H("ack_timer_fired"),
            H("observed_held:lookup", "The lookup brings its answer: the caller is still on hold."),
            H("sent", "The second unhold frame was written to the socket."),
            H("ack_timer_fired"),
            H("observed_held:lookup", "The lookup brings its answer: the caller is still on hold."),
            H("release_timer_fired"),
            H("unhold_requested", "Somebody wants the caller off hold, without force."),
            H("unhold_requested:force", "Somebody insists: off hold, with force."),
            H("sent", "The unhold frame was written to the socket."),
            H("acknowledged", "The gateway acknowledges the unhold."),
        ),
        given="The gateway gets none of the frames of the first unhold.",
        before=_NEARLY_OVER,
        policy="expire",
        remark="The first alarm says that an unhold failed, those after it that a decision is"
        " missing: `release_failed` is not repeated, `hold_expired` is, with a pause that doubles."
        " The unhold from before the limit is no decision: it takes another one, with `force`.",
    ),
    Walkthrough(
        "When nothing is heard of the release at the limit",
        (
            H("limit_timer_fired"),
            H("release_timer_fired"),
            H("lookup_failed", "The lookup brings no answer."),
            H("release_timer_fired"),
            H("observed_held:lookup", "The lookup brings its answer: the caller is still on hold."),
            H("sent", "The socket is open again: the frame of the release was written to it."),
            H("acknowledged", "The gateway acknowledges the release."),
        ),
        given="The socket is away, and the frame of the release waits for it.",
        before=_NEARLY_OVER,
        policy="release",
        remark="The alarm comes again after each longest pause, until the release is confirmed or"
        " has failed. It is so with every unhold that is under way when the limit passes.",
    ),
    Walkthrough(
        "When the release at the limit is refused",
        (
            H("limit_timer_fired"),
            H("sent", "The frame of the release was written to the socket."),
            H("refused:held", "The gateway refuses: the caller stays on hold."),
            H("release_timer_fired"),
            H("sent", "The frame of the release was written to the socket."),
            H("acknowledged", "The gateway acknowledges the release."),
        ),
        before=_NEARLY_OVER,
        policy="release",
    ),
)

_OTHERS = (
    Walkthrough(
        "When an agent unholds by hand",
        (
            H("observed_active:frame", "A frame of the gateway: the caller is not on hold.", 60.0),
            H("observed_active:lookup", "The lookup brings its answer: the caller is not on hold."),
        ),
        given="The agent takes the caller off hold at the desktop, past hookflash, and the gateway"
        " says so in a frame.",
        before=_HELD,
        remark="It is noticed by such a frame, or by a lookup: when the socket is restored, when"
        " hookflash is started again, and before a command, unless another lookup told of the"
        " interaction within the last minute; then the command's answer tells. Nothing asks"
        " regularly before the limit. As long as nobody notices, the limit goes on counting.",
    ),
    Walkthrough(
        "When an agent unholds by hand and nobody notices before the limit",
        (
            H("limit_timer_fired"),
            H("sent", "The frame of the release was written to the socket."),
            H("refused:active", "The gateway refuses: the caller is not on hold any more."),
        ),
        given="The agent takes the caller off hold at the desktop, past hookflash; no frame of the"
        " gateway says so.",
        before=_NEARLY_OVER,
        policy="release",
        remark="The release finds out. That the caller is off hold counts as its work, and no"
        " foreign unhold is noted. Where the policy is `expire` nothing is sent at the limit: an"
        " alarm is raised and the gateway is asked, and its answer ends the alarms.",
    ),
    Walkthrough(
        "When an agent unholds by hand while our unhold is under way",
        (
            H("observed_active:frame", "A frame of the gateway: the caller is not on hold."),
            H("observed_active:lookup", "The lookup brings its answer: the caller is not on hold."),
        ),
        given="Our frame was written; the agent was faster.",
        before=_UNHOLDING,
        remark="Nobody can tell which of the two it was: it counts as ours, and no foreign unhold"
        " is noted.",
    ),
    Walkthrough(
        "When an agent holds by hand",
        (
            H("observed_held:frame", "A frame of the gateway: the caller is on hold."),
            H("observed_held:lookup", "The lookup brings its answer: the caller is on hold."),
            H("warning_timer_fired"),
            H("limit_timer_fired"),
        ),
        given="The agent puts the caller on hold at the desktop, past hookflash.",
        policy="release",
    ),
    Walkthrough(
        "When an agent holds by hand and such holds are only watched",
        (
            H("observed_held:frame", "A frame of the gateway: the caller is on hold."),
            H("warning_timer_fired"),
            H("limit_timer_fired"),
        ),
        given="The agent puts the caller on hold at the desktop, past hookflash.",
        policy="release, watch foreign holds",
    ),
    Walkthrough(
        "When an agent unholds by hand while our unhold waits for the socket",
        (
            H("unhold_requested"),
            H("observed_active:lookup", "A lookup says that the caller is not on hold."),
        ),
        given="The control socket is away; the agent was faster. Lookups do not use that socket, so"
        " one that is under way is answered all the same.",
        before=_HELD,
    ),
    Walkthrough(
        "When the caller hangs up on hold",
        (H("observed_closed:frame", "A frame of the gateway: the interaction is over.", 60.0),),
        before=_HELD,
    ),
    Walkthrough(
        "When the caller hangs up while an unhold is under way",
        (H("observed_closed:frame", "A frame of the gateway: the interaction is over."),),
        before=_UNHOLDING,
    ),
    Walkthrough(
        "When somebody decides about an expired hold by unholding",
        (
            H("unhold_requested:force", after_s=60.0),
            H("sent", "The unhold frame was written to the socket."),
            H("acknowledged", "The gateway acknowledges the unhold."),
        ),
        before=_EXPIRED,
        policy="expire",
    ),
)

WALKTHROUGHS = (*_AS_MEANT, *_LOST_ANSWERS, *_SOCKET, *_REFUSALS, *_LIMIT, *_OTHERS)
"""In the order of the document."""
