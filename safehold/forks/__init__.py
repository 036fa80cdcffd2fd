"""Forks: a faulty run begins where its first fault does, from a fault-free run that is flown once, and ends
as soon as it is that run again (docs/forks.md).
"""

from safehold.forks.check import check
from safehold.forks.forker import Forker
from safehold.forks.make import make_reference
from safehold.forks.reference import Reference, reference_key

__all__ = ["Forker", "Reference", "check", "make_reference", "reference_key"]
