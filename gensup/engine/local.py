"""Processes on this machine."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, Generic, TypeVar

from gensup.engine.attempt import THREADS, answered, attempt, failed, lost
from gensup.engine.done import Done
from gensup.errors import GensupError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Local:
    """Processes started fresh (spawn): neither torch nor OpenMP survives a fork."""

    workers: int
    retries: int = 2  # how often an item is tried again after its worker died

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise GensupError("too few workers", where="--workers", value=self.workers, rule="at least 1")

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[Done[R]]:
        """See Engine."""
        line = _Line(task, items, deque(range(len(items))))
        workers = [_Worker() for _ in range(min(self.workers, len(items)))]
        deaths: Counter[int] = Counter()
        try:
            while line.left:
                line.hand_out(workers)
                heads = {worker.queue[0][0]: worker for worker in workers if worker.queue}
                ready = wait(heads, return_when=FIRST_COMPLETED).done if heads else set()
                for worker in [heads[future] for future in ready]:
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
        finally:
            _end(workers)


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

    def hand_out(self, workers: Sequence[_Worker]) -> None:
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


@dataclass(slots=True)
class _Worker:
    """One process with a queue of its own: when it dies, the item in hand was the oldest of the queue."""

    pool: ProcessPoolExecutor | None = None
    queue: deque[tuple[Future[bytes], int]] = field(default_factory=deque)
    dead: bool = False

    def submit(self, payload: bytes, index: int) -> bool:
        """Queue an item; False when the process has died of the one before it."""
        try:
            future = self._pool().submit(attempt, payload)
        except BrokenProcessPool:
            if self.queue:
                return False
            self.bury()  # it was killed while it had nothing to do, which is no item's fault
            future = self._pool().submit(attempt, payload)
        self.queue.append((future, index))
        return True

    def answers(self) -> list[Done[Any]]:
        """What has come in, in order; afterwards ``dead`` says whether more can come."""
        found = []
        while self.queue and self.queue[0][0].done() and not self.dead:
            future, index = self.queue[0]
            try:
                answer = future.result()
            except BrokenProcessPool:
                self.dead = True
            else:
                self.queue.popleft()
                found.append(answered(index, answer))
        return found

    def bury(self) -> list[int]:
        """Let go of the dead process; the items it leaves behind, the one in hand first."""
        left = [index for _, index in self.queue]
        self.queue.clear()
        if self.pool is not None:
            self.pool.shutdown(wait=False)
        self.pool, self.dead = None, False
        return left

    def _pool(self) -> ProcessPoolExecutor:
        if self.pool is None:
            self.pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin)
        return self.pool


def _begin() -> None:
    """In a new worker: one thread for linear algebra, Ctrl-C is the parent's business, and no life after the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_follow_parent, daemon=True).start()
    os.environ.update(THREADS)
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _follow_parent() -> None:
    # A pool's worker waits on a pipe of which it holds both ends: it would not notice that its parent was killed.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end(workers: Sequence[_Worker]) -> None:
    """Let idle processes go, kill those that still have an item in hand, and wait until they are gone."""
    processes = []
    for worker in workers:
        if worker.pool is not None:
            # No public name before Python 3.14's kill_workers().
            mine = list((worker.pool._processes or {}).values())
            for process in mine if worker.queue else ():
                process.kill()
            processes += mine
            worker.pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.join()
