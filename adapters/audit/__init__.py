"""The audit log: hash-chained JSON Lines, or the same in memory, and their verification."""

from hookflash.adapters.audit.chain import AuditChain as AuditChain
from hookflash.adapters.audit.log import JsonLinesAuditLog as JsonLinesAuditLog
from hookflash.adapters.audit.memory import MemoryAuditLog as MemoryAuditLog
from hookflash.adapters.audit.verify import AuditReport as AuditReport
from hookflash.adapters.audit.verify import Problem as Problem
from hookflash.adapters.audit.verify import verify as verify
from hookflash.adapters.audit.verify import verify_lines as verify_lines
