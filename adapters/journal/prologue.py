"""How a part of a journal begins: a header, changes of definition, and the rules that count.

An interaction may finish under the definition that it began under, so a part that begins later has
to hold that one too. Its header is then the earliest one's, and lines like those that stand in the
middle of a recording lead to the present: the part reads as any other recording.
"""

from collections.abc import Collection

import attrs
from attrs import frozen

from hookflash.machines.headers import (
    DEFINITION_KIND,
    POLICY_KIND,
    decode_definition_change,
    decode_header,
    decode_policy_change,
    encode_definition_change,
    encode_header,
)
from hookflash.machines.lines import kind_of, malformed
from hookflash.machines.records import DefinitionChange, Header, PolicyChange, RulesChange
from hookflash.machines.rule_lines import RULES_CHANGE_KIND, decode_rules_change, encode_aside

Change = PolicyChange | DefinitionChange | RulesChange
"""What changes what counts."""


@frozen
class Prologue:
    """What counts at one place of a journal.

    Attributes:
        first: The header of the earliest definition that is still needed.
        changes: The later definitions, the one that counts last; empty where the first one counts.
        rules: The rules that count; None for none.
    """

    first: Header
    changes: tuple[DefinitionChange, ...] = ()
    rules: RulesChange | None = None

    @property
    def spec_hash(self) -> str:
        """The definition that counts."""
        return (self.changes[-1] if self.changes else self.first).spec_hash

    @property
    def policy(self) -> object:
        """The policy that counts, as files have it."""
        return (self.changes[-1] if self.changes else self.first).policy

    def after(self, change: Change) -> "Prologue":
        """Return what counts after *change*."""
        if isinstance(change, RulesChange):
            return attrs.evolve(self, rules=change if change.digest else None)
        if isinstance(change, DefinitionChange):
            return attrs.evolve(self, changes=(*self.changes, change))
        if not self.changes:
            return attrs.evolve(self, first=attrs.evolve(self.first, policy=change.policy))
        last = attrs.evolve(self.changes[-1], policy=change.policy)
        return attrs.evolve(self, changes=(*self.changes[:-1], last))

    def without_unused(self, used: Collection[str]) -> "Prologue":
        """Return the same without earlier definitions other than *used*, given by their hashes."""
        needed = [one for one in self.changes[:-1] if one.spec_hash in used]
        if not self.changes or (self.first.spec_hash in used):
            return attrs.evolve(self, changes=(*needed, *self.changes[-1:]))
        begin, *rest = (*needed, self.changes[-1])
        first = attrs.evolve(
            self.first, spec_hash=begin.spec_hash, definition=begin.definition, policy=begin.policy
        )
        return Prologue(first, tuple(rest), self.rules)

    def text(self, next_seq: int) -> str:
        """Return its lines, for a part whose first record has the number *next_seq*."""
        first = encode_header(attrs.evolve(self.first, first_seq=next_seq))
        rules = () if self.rules is None else (encode_aside(self.rules),)
        return b"".join((first, *map(encode_definition_change, self.changes), *rules)).decode()


def read_prologue(text: str, place: str) -> Prologue:
    """Return what the lines of *text* say.

    Raises:
        MalformedRecord: They are none of a prologue.
    """
    header, *changes = lines_of(text)
    found = Prologue(decode_header(header, place))
    for line in changes:
        change = change_of(line, place)
        if change is None:
            raise malformed(place, "has a line that says nothing of what counts")
        found = found.after(change)
    return found


def lines_of(text: str) -> list[bytes]:
    """Return the lines of a prologue, each with its newline.

    Only newlines end a line here: texts may hold other characters that do elsewhere.
    """
    return [line + b"\n" for line in text.encode().split(b"\n")[:-1]]


def change_of(line: bytes, place: str) -> Change | None:
    """Return the change of policy, definition or rules that *line* tells of; None for any other.

    Raises:
        MalformedRecord: It tells of one, and was damaged.
    """
    kind = kind_of(line)
    if kind == POLICY_KIND:
        return decode_policy_change(line, place)
    if kind == DEFINITION_KIND:
        return decode_definition_change(line, place)
    if kind == RULES_CHANGE_KIND:
        return decode_rules_change(line, place)
    return None
