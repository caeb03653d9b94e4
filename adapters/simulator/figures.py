"""What the simulator counts."""

import attrs


@attrs.frozen(kw_only=True)
class Statistics:
    """All counts of a simulator at one moment; everything counts from its start.

    Attributes:
        commands: Frames received that are valid commands.
        invalid_commands: Text or binary frames received that are none; each was refused with 400.
        holds: Holds carried out, `holds_of_held` included.
        unholds: Unholds carried out, `unholds_of_active` included.
        holds_of_held: Holds of interactions that were held already: acknowledged all the same.
        unholds_of_active: Unholds of interactions that were not held: acknowledged all the same.
        reused_correlations: Commands whose correlation id was among the last 10,000 already.
        acks: Answers of success written or on their way, each copy counted.
        acks_lost: Commands carried out and, by fault, never answered.
        acks_late: Answers that were sent later than usual by fault.
        acks_duplicated: Copies beyond the first.
        acks_wrong_type: Answers with a type that was not the command's.
        acks_withheld: Answers that a script kept back until released.
        acks_undeliverable: Answers and updates whose socket was gone before they could leave.
        commands_refused: Commands refused by fault or script, and not carried out.
        commands_ineligible: Commands refused since the interaction is closed or unknown.
        commands_unexecuted: Commands lost by fault before they were carried out.
        garbage_frames: Garbage frames sent.
        state_updates: State updates sent, counted once for each socket.
        foreign_changes: Changes of state by somebody else, endings included.
        token_requests: Requests to the token endpoint.
        tokens_issued: Tokens issued.
        metadata_requests: Requests to the metadata endpoint.
        metadata_answers: Those of them that got 200.
        upgrade_requests: Requests for a control socket.
        upgrades: Control sockets opened.
        sockets_closed_by_fault: Control sockets that a fault or a script closed.
        sockets_overflowed: Control sockets cut since their client did not read what was sent.
        half_opens: How often a control socket was made to hang.
        connections: TLS or stream connections served.
        connections_dropped: Connections turned away: not accepting, or too many.
        bad_requests: HTTP requests that are no HTTP, too large or for no known path.
    """

    commands: int = 0
    invalid_commands: int = 0
    holds: int = 0
    unholds: int = 0
    holds_of_held: int = 0
    unholds_of_active: int = 0
    reused_correlations: int = 0
    acks: int = 0
    acks_lost: int = 0
    acks_late: int = 0
    acks_duplicated: int = 0
    acks_wrong_type: int = 0
    acks_withheld: int = 0
    acks_undeliverable: int = 0
    commands_refused: int = 0
    commands_ineligible: int = 0
    commands_unexecuted: int = 0
    garbage_frames: int = 0
    state_updates: int = 0
    foreign_changes: int = 0
    token_requests: int = 0
    tokens_issued: int = 0
    metadata_requests: int = 0
    metadata_answers: int = 0
    upgrade_requests: int = 0
    upgrades: int = 0
    sockets_closed_by_fault: int = 0
    sockets_overflowed: int = 0
    half_opens: int = 0
    connections: int = 0
    connections_dropped: int = 0
    bad_requests: int = 0


def fresh_counts() -> dict[str, int]:
    """Counters at zero, one for each field of `Statistics`, so that a misspelt one raises."""
    return {field.name: 0 for field in attrs.fields(Statistics)}
