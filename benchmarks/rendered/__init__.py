"""Machines that exist as physics alone, rendered as recordings: to try gensup on, and to judge it, without a download.

Every clip simulates the machine anew, in a room with noise; a fault is another machine - another speed, mesh, mode or
friction - never a sound that is mixed in afterwards. A study on these recordings that would not grade its own answers
withholds the mechanisms that are like them (``Failure.like``, ``benchmarks.demo.WITHHELD``).
"""

from benchmarks.rendered.blower import Blower
from benchmarks.rendered.cases import CASES
from benchmarks.rendered.dataset import GRADES, KINDS, render, render_failures
from benchmarks.rendered.kinds import Failure, Kind, Machine
from benchmarks.rendered.valve import Valve

__all__ = [
    "CASES",
    "GRADES",
    "KINDS",
    "Blower",
    "Failure",
    "Kind",
    "Machine",
    "Valve",
    "render",
    "render_failures",
]
