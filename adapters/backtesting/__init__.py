"""Backtests of recordings on disk: in this process, in several, or on a cluster."""

from hookflash.adapters.backtesting.report import document_of as document_of
from hookflash.adapters.backtesting.report import lines_of as lines_of
from hookflash.adapters.backtesting.running import Order as Order
from hookflash.adapters.backtesting.running import run as run
from hookflash.adapters.backtesting.running import run_share as run_share
