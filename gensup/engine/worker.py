"""Processes that do what they are given, and who keeps them between two runs."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Collection
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

from gensup.engine.attempt import THREADS, answered, attempt
from gensup.engine.done import Done


@dataclass(slots=True, eq=False)
class Worker:
    """One process with a queue of its own: when it dies, the item in hand was the oldest of the queue."""

    pool: ProcessPoolExecutor | None = None
    queue: deque[tuple[Future[bytes], int]] = field(default_factory=deque)
    dead: bool = False
    ended: bool = False  # for good, by ``end``

    def submit(self, payload: bytes, index: int) -> bool:
        """Queue an item; False when the process has died of the one before it."""
        if not self.queue and self._killed():
            self.bury()  # while it had nothing to do, which is no item's fault
        try:
            future = self._pool().submit(attempt, payload)
        except BrokenProcessPool:
            if self.queue:
                return False
            self.bury()  # just now
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

    def rest(self) -> bool:
        """Make the process wait for another run; False when it cannot: there is none, or it is busy, dead or ended."""
        if self.pool is None or self.queue or self.ended or self._killed():
            return False
        try:
            # The thread that feeds a process holds on to the last payload until there is another.
            self.pool.submit(os.getpid)
        except RuntimeError:  # broken just now, or the interpreter shuts down
            return False
        return True

    def processes(self) -> list[BaseProcess]:
        # No public name before Python 3.14's kill_workers().
        return list((self.pool._processes or {}).values()) if self.pool is not None else []

    def _killed(self) -> bool:
        # A pool notices a moment later.
        return bool(wait([process.sentinel for process in self.processes()], timeout=0))

    def _pool(self) -> ProcessPoolExecutor:
        if self.pool is None:
            self.pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin)
        return self.pool


@dataclass(slots=True)
class Crew:
    """The workers of one engine. Runs may overlap: a worker is one run's at a time, or idle.

    Every worker of a context is known from its birth on: wherever an error or a signal interrupts, ``end`` finds it.
    """

    contexts: int = 0  # entered and not left; without one, a run's workers end with it
    known: set[Worker] = field(default_factory=set)
    idle: deque[Worker] = field(default_factory=deque)

    def lend(self, count: int) -> list[Worker]:
        """Idle ones first, and new ones for what is missing."""
        lent: list[Worker] = []
        with suppress(IndexError):  # its length is not asked for: another thread's run may take the last one
            while len(lent) < count:
                lent.append(self.idle.pop())
        lent += [Worker() for _ in range(count - len(lent))]
        if self.contexts:
            self.known.update(lent)
        return lent

    def take_back(self, workers: Collection[Worker], most: int) -> None:
        """Keep those that can wait for another run, at most so many; end the others."""
        others = []
        for worker in workers:
            if worker in self.known and len(self.idle) < most and worker.rest():
                self.idle.append(worker)
            else:
                others.append(worker)
        end(others)
        self.known.difference_update(others)

    def end(self) -> None:
        """End all of them, also those of runs whose iterators an error's traceback still holds."""
        end(list(self.known))  # a copy: iterators may be closed meanwhile
        self.known.clear()
        self.idle.clear()


def end(workers: Collection[Worker]) -> None:
    """Let idle processes go, kill those that still have an item in hand, and wait until they are gone."""
    processes = []
    for worker in workers:
        worker.ended = True
        if worker.pool is not None:
            mine = worker.processes()
            for process in mine if worker.queue else ():
                process.kill()
            processes += mine
            worker.pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.join()
    for worker in workers:
        worker.queue.clear()
        worker.pool = None


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
