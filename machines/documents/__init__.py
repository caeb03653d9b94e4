"""Documents of machines and rules files, written by what they are about.

Text only: `machine_document` and `rules_document` give Markdown, made of a definition, of the
documentation of its Python side, and of steps of the very machine. Nothing here reads or writes
files; `hookflash docs` does (`hookflash.adapters.documents`).
"""

from hookflash.machines.documents.document import Document as Document
from hookflash.machines.documents.document import Picture as Picture
from hookflash.machines.documents.machine_writing import machine_document as machine_document
from hookflash.machines.documents.rules_writing import rules_document as rules_document
from hookflash.machines.documents.traceability import Traceability as Traceability
from hookflash.machines.documents.traceability import TracedTest as TracedTest
from hookflash.machines.documents.walking import walk as walk
