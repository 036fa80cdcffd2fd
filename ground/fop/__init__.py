"""FOP-1 (CCSDS 232.1-B-2): see `ground.fop.procedure`."""

from ground.fop.machine import MODULO, NO_TAG, Notice, Radiation
from ground.fop.procedure import Fop
from ground.fop.table import State

__all__ = ["MODULO", "NO_TAG", "Fop", "Notice", "Radiation", "State"]
