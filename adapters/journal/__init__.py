"""Journals: the append-only record of all that happened, in SQLite or in memory; recordings."""

from hookflash.adapters.journal.append_file import AppendFile as AppendFile
from hookflash.adapters.journal.disk import Disk as Disk
from hookflash.adapters.journal.memory import MemoryJournal as MemoryJournal
from hookflash.adapters.journal.recording import Recording as Recording
from hookflash.adapters.journal.recording import read_entries as read_entries
from hookflash.adapters.journal.recording import read_header as read_header
from hookflash.adapters.journal.recording import read_recording as read_recording
from hookflash.adapters.journal.recording import read_steps as read_steps
from hookflash.adapters.journal.store import SqliteJournal as SqliteJournal
from hookflash.adapters.journal.syncing import InThread as InThread
