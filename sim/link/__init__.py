"""The space link: queues, budget, noise and impairments between the satellite's patches and the stations."""

from sim.link.budget import Budget, Channel, Patch
from sim.link.config import LinkConfig
from sim.link.geometry import View, read_sight
from sim.link.impairments import Impairment
from sim.link.queue import NEVER, Link

__all__ = ["NEVER", "Budget", "Channel", "Impairment", "Link", "LinkConfig", "Patch", "View", "read_sight"]
