"""Threads of this process, for tasks that share what no other process can have: a model on a GPU."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Self, TypeVar

from gensup.engine.attempt import failed, single_threaded
from gensup.engine.done import Done
from gensup.errors import GensupError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Threads:
    """As many items at a time as there are threads: while one waits for the device, another writes its files.

    Nothing is pickled. What only one thread may do at a time, the task locks itself. A task that kills its process
    kills this one. Closing a run, or an error of the caller, waits for the items in hand, for a thread cannot be ended.
    """

    threads: int

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise GensupError("too few threads", where="engine", value=self.threads, rule="at least 1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[Done[R]]:
        """See Engine."""
        todo = deque(range(len(items)))
        flying: set[Future[Done[R]]] = set()

        def attempt(index: int) -> Done[R]:
            try:
                return Done(index, task(items[index]))
            except (Exception, SystemExit) as error:
                said = error if isinstance(error, Exception) else f"{type(error).__name__}: {error}"
                return failed(index, said, traceback.format_exc())

        with single_threaded(), ThreadPoolExecutor(self.threads, initializer=_begin) as pool:
            try:
                while todo or flying:
                    while todo and len(flying) < self.threads:
                        flying.add(pool.submit(attempt, todo.popleft()))
                    done, flying = wait(flying, return_when=FIRST_COMPLETED)
                    flying |= {pool.submit(attempt, todo.popleft()) for _ in range(min(len(todo), len(done)))}
                    for one in done:  # the next are on their way: nobody waits for the caller
                        yield one.result()
            finally:
                for one in flying:
                    one.cancel()


def _begin() -> None:
    """In a new thread: one thread for linear algebra. OpenMP counts by the thread that asks, so each says so itself."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
