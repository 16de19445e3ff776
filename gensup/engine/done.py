"""What every engine promises: a function, items, and one Done for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar, runtime_checkable

from gensup.errors import GensupError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """What became of one item: a value or an error."""

    index: int
    value: R | None = None
    error: str | None = None  # None: it went well
    problem: GensupError | None = None  # the error itself, where it is one that the user can mend

    def result(self) -> R:
        """The value.

        Raises:
            GensupError: the item's own, or one that says what happened to it.
        """
        if self.problem is not None:
            raise self.problem
        if self.error is not None:
            raise GensupError(self.error, where=f"item {self.index}")
        return self.value  # type: ignore[return-value]  # None here is a None that the task returned


class Engine(Protocol):
    """Something that runs a function over items.

    A context (``with for_workers(2) as engine:``) may spare its runs what it costs to begin; leaving it ends every run.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[Done[R]]:
        """One Done an item as they end, in no order. Closing the iterator ends whatever still runs.

        Args:
            task: a function that other processes can import; what it takes and returns can be pickled.
            items: a few are on their way at a time, the next leave as results come in.
        """
        ...


@runtime_checkable
class Listening(Protocol):
    """An engine that leaves the work to another and listens."""

    def around(self, engine: Engine) -> Engine:
        """The same listener around another."""
        ...


def instead(engine: Engine, other: Engine) -> Engine:
    """``other`` in the place of ``engine``; who listens to the one listens to the other."""
    return engine.around(other) if isinstance(engine, Listening) else other


def collect(engine: Engine, task: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """All results, in the order of the items.

    Raises:
        GensupError: of the first item seen to fail; whatever still runs is ended.
    """
    results: dict[int, R] = {}
    for done in engine.run(task, items):
        results[done.index] = done.result()
    return [results[index] for index in range(len(items))]
