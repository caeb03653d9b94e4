"""What the author of a machine wants told in its document: questions, each with a course of events.

Only the question and what happens are written down. What the machine makes of it is not: the
events are stepped when the document is made (`hookflash.machines.documents.walking`), so that the
answer is always that of the machine.
"""

from attrs import field, frozen


@frozen
class Happening:
    """One event of a walkthrough.

    Attributes:
        event: The label of a sample (`Samples.events`), or of a timer's event; it fires when the
            timer is due.
        words: What happens, in a sentence; empty takes what the definition says of the event.
        after_s: How long after the event before, in seconds; of no matter where that leads beyond
            what the event itself says, as a timer's does.
    """

    event: str
    words: str = ""
    after_s: float = field(default=0.1)


@frozen
class Walkthrough:
    """A question and a course of events that answers it.

    Attributes:
        title: The question, as a heading.
        happenings: What happens.
        given: What is so in the world around the machine, in sentences; empty for nothing special.
        before: Labels of events that come first and are not told one by one.
        policy: The name of one of the samples' policies; empty for the machine's own.
        remark: What follows from it and is not seen in it, in sentences; empty for nothing.
    """

    title: str
    happenings: tuple[Happening, ...]
    given: str = ""
    before: tuple[str, ...] = ()
    policy: str = ""
    remark: str = ""
