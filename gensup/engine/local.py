"""Processes on this machine."""

from __future__ import annotations

import pickle
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from gensup.engine.attempt import failed, lost
from gensup.engine.done import Done
from gensup.engine.worker import Crew, Worker
from gensup.errors import GensupError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Local:
    """Processes started fresh (spawn): neither torch nor OpenMP survives a fork.

    Within its context an idle worker waits for the next run, in the folder and the environment that it was started in;
    of what it did it keeps modules, but no item and no result.
    """

    workers: int
    retries: int = 2  # how often an item is tried again after its worker died
    _crew: Crew = field(default_factory=Crew, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise GensupError("too few workers", where="--workers", value=self.workers, rule="at least 1")

    def __enter__(self) -> Self:
        self._crew.contexts += 1
        return self

    def __exit__(self, *error: object) -> None:
        self._crew.contexts -= 1
        if not self._crew.contexts:
            self._crew.end()

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[Done[R]]:
        """See Engine.

        Raises:
            RuntimeError: the context was left before the iterator's end.
        """
        line = _Line(task, items, deque(range(len(items))))
        workers = self._crew.lend(min(self.workers, len(items)))
        deaths: Counter[int] = Counter()
        try:
            while line.left:
                line.hand_out(workers)
                for worker in _heard_of(workers):
                    line.done += worker.answers()
                    if worker.dead:
                        victim, *unharmed = worker.bury()
                        deaths[victim] += 1
                        if deaths[victim] > self.retries:
                            line.done.append(lost(victim, deaths[victim]))
                            line.todo.extendleft(reversed(unharmed))
                        else:
                            line.todo.extendleft(reversed([victim, *unharmed]))
                line.hand_out(workers)  # before the caller looks at these, so that nobody waits for the caller
                yield from line.take()
                if line.left and any(worker.ended for worker in workers):
                    raise RuntimeError("the engine was left before its run was over")
        finally:
            self._crew.take_back(workers, self.workers)


def _heard_of(workers: Sequence[Worker]) -> list[Worker]:
    """Those that have an answer, or are dead: waits for one, if any is at work."""
    heads = {worker.queue[0][0]: worker for worker in workers if worker.queue}
    return [heads[future] for future in wait(heads, return_when=FIRST_COMPLETED).done] if heads else []


@dataclass(slots=True)
class _Line(Generic[T, R]):
    """Items that wait for a worker, and answers that wait for the caller."""

    task: Callable[[T], R]
    items: Sequence[T]
    todo: deque[int]
    done: list[Done[R]] = field(default_factory=list)
    left: int = 0

    def __post_init__(self) -> None:
        self.left = len(self.items)

    def hand_out(self, workers: Sequence[Worker]) -> None:
        """One item to every worker, and one more to wait at its door while there are plenty: near the end, an item that
        waits behind a slow one could have been another worker's."""
        for depth in (1, 2):
            for worker in workers:
                plenty = depth == 1 or len(self.todo) > 2 * len(workers)
                while self.todo and plenty and len(worker.queue) < depth:
                    index = self.todo.popleft()
                    try:
                        payload = pickle.dumps((self.task, self.items[index]), pickle.HIGHEST_PROTOCOL)
                    except Exception as error:
                        self.done.append(failed(index, error, traceback.format_exc()))
                        continue
                    if not worker.submit(payload, index):
                        self.todo.appendleft(index)
                        break

    def take(self) -> Iterator[Done[R]]:
        taken, self.done = self.done, []
        self.left -= len(taken)
        yield from taken
