"""Words of the field, for readers of the hold machine's document who do not know them."""

WORDS = {
    "interaction": "A call, or another contact, between a caller and an agent.",
    "caller": "The person on the telephone, and nobody else.",
    "requester": "Whoever gave a command: a program, a person or a rule. The value `caller` of"
    " `actor` means the requester.",
    "hold": "The caller waits, and the agent does something else; an unhold ends that.",
    "release": "To take the caller off hold; never to end the call. At the limit it is an unhold of"
    " the machine's own.",
    "gateway": "The telephone system, which carries holds out and knows how an interaction stands.",
    "frame": "A message over the control socket. Ours ask for a hold or an unhold; those of the"
    " gateway answer them (acknowledgement, refusal) or say unasked how an interaction stands.",
    "acknowledgement": "The gateway's answer that it carried a frame out.",
    "lookup": "Our own question to the gateway how an interaction stands now. It does not use the"
    " control socket: it may be answered while that is away.",
    "observation": "What the gateway says of an interaction, asked or unasked.",
    "pending": "Of a command: given and not ended, whether its frame still waits for the socket or"
    " was written. The pending frame is the latest frame of the pending command.",
    "doubt": "What became of a frame that was written is unknown: its acknowledgement is overdue,"
    " or the socket was lost. An answer that still comes ends it, or a lookup begun later.",
    "deadline": "How long a requester waits for the end of its command. A frame that was not"
    " written by then is taken back; for one that was the machine goes on asking.",
    "foreign, by hand, somebody else": "Not through hookflash, but at the desktop for instance. It"
    " may well be the agent of this call.",
    "limit": "The longest that a hold may last. Then the policy counts: `release` takes the caller"
    " off hold, `expire` raises alarms and waits for somebody's decision.",
    "watched, enforced": "Foreign holds, as the setting `foreign` says: under the limit like our"
    " own (`enforce`), or only warned about (`watch`). What counts as ours is always enforced.",
    "outcome": "How a command ended: `confirmed` (carried out), `confirmed_by_lookup` (carried out,"
    " as a lookup told, or a refusal that says so), `already` (it was so before), `refused` (by the"
    " gateway, or because another command was under way), `not_applied` (not carried out),"
    " `ineligible` (it may not be done), `invalid` (wrongly asked), `expired` (past the limit,"
    " which wants a decision), `unavailable` (it could not be sent), `unknown`.",
    "`duplicate`, `timed_out`": "Counters, among the metrics of the service: answers that came more"
    " than once, and acknowledgements that did not come in time. What is late is counted too.",
}
"""What a reader has to know of holds."""
