"""Opening a wire recording as the settings say."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import orjson

from hookflash.adapters.journal.disk import REAL_DISK, Disk
from hookflash.adapters.settings import Settings, WireSettings, credentials_of
from hookflash.adapters.wire.entries import Known, WireHeader
from hookflash.adapters.wire.file import WireFile
from hookflash.adapters.wire.journal_tap import TappedJournal
from hookflash.adapters.wire.recorder import WireRecorder
from hookflash.adapters.wire.redaction import keep_name, keep_uuid, keep_word
from hookflash.engine.migration import Kept
from hookflash.engine.ports import Journal
from hookflash.machines.codec import RecordCodec
from hookflash.machines.instants import Instant
from hookflash.machines.machine import Machine
from hookflash.machines.policy import HoldPolicy
from hookflash.machines.records import InteractionState

SETTINGS_KEPT: Final = {
    "gateway": (
        "request_timeout_s",
        "reconnect_attempts",
        "reconnect_base_s",
        "ping_every_s",
    ),
    "throttle": ("max_commands_per_s", "max_in_flight"),
    "metadata": ("ttl_s", "max_concurrent"),
    "commands": ("deadline_s", "queue_per_interaction"),
    "recovery": ("overdue", "overdue_wait_s", "background_per_s"),
}
"""The settings that decide what goes over the wire, by table; none of them is a secret."""


def open_recorder(
    settings: Settings,
    machine: Machine[Any, HoldPolicy],
    now: Callable[[], Instant],
    disk: Disk = REAL_DISK,
) -> WireRecorder | None:
    """Open the recording of a gateway's client; the caller closes it.

    Args:
        settings: Where and how much, and what is told of it.
        machine: The machine that runs.
        now: The clock.
        disk: Where the file is.

    Returns:
        The recorder; None where the settings ask for none.

    Raises:
        ConfigurationError: The file cannot be made, or host or credentials are missing.
    """
    if settings.wire.path is None:
        return None
    credentials = credentials_of(settings)
    secrets = (credentials.client_secret.get_secret_value(),)
    header = client_header(settings, machine, settings.gateway.host or "", now())
    return record_into(settings.wire, header, now, secrets=secrets, disk=disk)


def record_into(
    own: WireSettings,
    header: WireHeader,
    now: Callable[[], Instant],
    *,
    secrets: Sequence[str] = (),
    disk: Disk = REAL_DISK,
) -> WireRecorder:
    """Begin a recording with *header*; the caller closes it.

    Args:
        own: Where and how much; `path` is given.
        header: The first line.
        now: The clock.
        secrets: What must be nowhere in it.
        disk: Where the file is.

    Raises:
        ConfigurationError: The file cannot be made.
    """
    assert own.path is not None, "whoever calls this wants a recording"  # noqa: S101
    recorder: WireRecorder | None = None

    def last_words(lines: int) -> bytes:
        # Of the lines that are in the file the first is the header, which has no number.
        return b"" if recorder is None else recorder.last_words(lines)

    file = WireFile(own.path, last_words, disk=disk)
    recorder = WireRecorder(file, header, now, bytes_max=own.max_bytes, secrets=secrets)
    return recorder


def tapped_journal(
    journal: Journal,
    recorder: WireRecorder,
    machine: Machine[Any, HoldPolicy],
    kept: Sequence[Kept],
) -> TappedJournal:
    """Return *journal* such that its commands are recorded, and note what is *kept* already."""
    note_known(recorder, kept, machine)
    return TappedJournal(journal, recorder, machine.policy.all_reasons())


def client_header(
    settings: Settings, machine: Machine[Any, HoldPolicy], gateway: str, created: Instant
) -> WireHeader:
    """Return the header of a recording that hookflash makes of itself."""
    kept = {
        table: {name: getattr(getattr(settings, table), name) for name in names}
        for table, names in SETTINGS_KEPT.items()
    }
    return WireHeader(
        "client",
        gateway,
        created,
        settings.wire.max_frame_bytes,
        settings.hold.all_reasons(),
        RecordCodec(machine).policy_fields(),
        kept,
        machine.spec.digest,
    )


def gateway_header(
    own: WireSettings, gateway: str, created: Instant, reasons: Sequence[str]
) -> WireHeader:
    """Return the header of a recording that a gateway makes of its clients."""
    return WireHeader("gateway", gateway, created, own.max_frame_bytes, tuple(reasons))


def note_known(
    recorder: WireRecorder, kept: Sequence[Kept], machine: Machine[Any, HoldPolicy]
) -> None:
    """Write down how the interactions stand that an earlier run left, and that go on.

    Those that finish under an earlier definition are left out: a replay has only today's.
    """
    codec = RecordCodec(machine)
    words = keep_word(machine.policy.all_reasons())
    for one in kept:
        if one.machine is not None:
            continue
        interaction = attrs.evolve(one.interaction, rules=None)
        if keep_uuid(interaction.id) != interaction.id:
            continue
        line = codec.encode_state(InteractionState(0, interaction))
        written: dict[str, Any] = orjson.loads(line)["interaction"]
        recorder.note(Known(recorder.now(), _scrubbed(written, words)))


def _scrubbed(written: dict[str, Any], words: Any) -> dict[str, Any]:  # noqa: ANN401 - a `Keep`
    """Take out what somebody worded: a gateway's refusal, and reasons that no policy has."""
    pending = written.get("pending")
    if pending is not None:
        if "refusal" in pending:
            pending["refusal"].pop("message", None)
        if "reason" in pending:
            pending["reason"] = words(pending["reason"])
        pending["actor"] = pending["actor"] if pending["actor"] == "limit" else "caller"
    data = written["data"]
    if "skill_group_id" in data:
        data["skill_group_id"] = keep_name(data["skill_group_id"])
    hold = data.get("hold")
    if hold is not None and "reason" in hold:
        hold["reason"] = words(hold["reason"])
    return written
