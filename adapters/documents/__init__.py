"""Documents of machines and rules files on disk: read what they are about, write them, compare.

What stands in them is made without I/O by `hookflash.machines.documents`.
"""

from hookflash.adapters.documents.files import FORMATS as FORMATS
from hookflash.adapters.documents.files import Format as Format
from hookflash.adapters.documents.files import Outcome as Outcome
from hookflash.adapters.documents.files import Written as Written
from hookflash.adapters.documents.files import bring_up_to_date as bring_up_to_date
from hookflash.adapters.documents.sources import Source as Source
from hookflash.adapters.documents.sources import read_source as read_source
from hookflash.adapters.documents.sources import shipped_sources as shipped_sources
