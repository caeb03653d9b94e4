"""The report: what a recording says about holds, as one HTML page that needs nothing else."""

from hookflash.adapters.report.history import History as History
from hookflash.adapters.report.page import write_report as write_report
from hookflash.adapters.report.stories import Story as Story
