"""The definitions that a recording names: which machine its records were stepped by."""

from typing import Any, final

from hookflash.adapters.specifications import load_machine, machine_of_definition
from hookflash.machines.codec import RecordCodec
from hookflash.machines.errors import JournalError, MalformedRecord, SpecError
from hookflash.machines.machine import Machine
from hookflash.machines.records import DefinitionChange, Header, PolicyChange


@final
class Definitions:
    """The definitions of one recording, each with the machine that is made of it.

    They are made when they are asked for: a definition that today's code cannot run any more is
    no trouble where nothing needs it. Not for several threads at once.

    Args:
        header: The recording's header.
        machine: The machine that is taken where its definition is the one that is asked for. In
            recordings of format 1, which do not hold their definition, it is taken in any case;
            whether it is the same one is for the caller to compare. None makes the machine of the
            definition in the header, in format 1 the shipped one that the header names.
        place: The recording's name, for messages.

    Raises:
        SpecError: *machine* is None, and there is none.
    """

    def __init__(self, header: Header, machine: Machine[Any, Any] | None, place: str) -> None:
        self._place = place
        self._format = header.format
        self._texts: dict[str, str] = {}
        self._codecs: dict[str, RecordCodec[Any]] = {}
        if header.definition is None:
            known = load_machine(header.machine) if machine is None else machine
            codec = RecordCodec(known, format=header.format)
            self._codecs[header.spec_hash] = self._codecs[known.spec.digest] = codec
            return
        if machine is not None:
            self._codecs[machine.spec.digest] = RecordCodec(machine)
        self._texts[header.spec_hash] = header.definition
        if machine is None:
            self.codec(header.spec_hash)

    def learn(self, change: DefinitionChange) -> None:
        """Take up that the recording holds this definition."""
        self._texts[change.spec_hash] = change.definition

    def codec(self, spec_hash: str, place: str | None = None) -> RecordCodec[Any]:
        """Return the codec for records that were stepped by a definition.

        Args:
            spec_hash: The definition.
            place: Where it is asked for, for messages; None for the recording as a whole.

        Raises:
            MalformedRecord: The recording does not hold it, or its text is another one's.
            SpecError: Today's code cannot run it.
        """
        codec = self._codecs.get(spec_hash)
        if codec is None:
            codec = RecordCodec(self._made(spec_hash, place or self._place), format=self._format)
            self._codecs[spec_hash] = codec
        return codec

    def machine(
        self, spec_hash: str, policy: Header | PolicyChange | DefinitionChange
    ) -> Machine[Any, Any]:
        """Return the machine of a definition, under a policy that the recording holds.

        Args:
            spec_hash: The definition.
            policy: The header or change that holds the policy.

        Raises:
            JournalError: Today's code cannot run the definition, or the recording does not hold it.
            MalformedRecord: The policy is none of this machine.
        """
        try:
            codec = self.codec(spec_hash)
        except (MalformedRecord, SpecError) as error:
            raise JournalError(error.message, advice=error.advice, path=self._place) from error
        own = codec.machine
        if own.spec.digest != spec_hash:
            raise JournalError(
                f"{self._place}: was written by another definition of the machine {own.name!r}"
                f" ({spec_hash[:12]}, now {own.spec.digest[:12]}), which it does not hold",
                advice="go on with the version that wrote it, or move this file away",
                path=self._place,
            )
        return own.with_policy(codec.policy_of(policy, self._place))

    def _made(self, spec_hash: str, place: str) -> Machine[Any, Any]:
        text = self._texts.get(spec_hash)
        if text is None:
            raise MalformedRecord(
                f"{place}: the definition {spec_hash[:12]!r} is not in the recording before it",
                place=place,
            )
        machine = machine_of_definition(text, f"{self._place}: definition {spec_hash[:12]}")
        if machine.spec.digest != spec_hash:
            raise MalformedRecord(
                f"{place}: the definition {spec_hash[:12]!r} stands in the recording with the text"
                f" of another one, {machine.spec.digest[:12]!r}",
                place=place,
            )
        return machine
