"""Fan work out: one function over many items, in this process, in others on this machine, or on a Ray cluster.

A worker that dies (killed, out of memory) costs the item in hand, which is tried again in a fresh worker. Every engine
gives linear algebra one thread a worker: an item has the same bits whoever computes it.
"""

from gensup.engine.attempt import single_threaded
from gensup.engine.cluster import Ray
from gensup.engine.cpus import default_workers
from gensup.engine.done import Done, Engine, collect, instead
from gensup.engine.inline import Inline
from gensup.engine.local import Local
from gensup.engine.threads import Threads


def for_workers(workers: int | None = None) -> Engine:
    """The engine for ``--workers``: this process for one, other processes for more; None is ``default_workers()``."""
    count = default_workers() if workers is None else workers
    return Inline() if count == 1 else Local(count)


__all__ = [
    "Done",
    "Engine",
    "Inline",
    "Local",
    "Ray",
    "Threads",
    "collect",
    "default_workers",
    "for_workers",
    "instead",
    "single_threaded",
]
