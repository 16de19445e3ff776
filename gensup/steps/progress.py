"""What a step says while it works: notes and progress, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from gensup.engine import Done, Engine

T = TypeVar("T")
R = TypeVar("R")


class Progress(Protocol):
    """Listens to a step."""

    def note(self, text: str) -> None:
        """Something the user should know, once."""
        ...

    def follow(self, items: Iterator[T], total: int, doing: str) -> Iterator[T]:
        """The items themselves, counted as they pass."""
        ...


class Quiet:
    """Hears nothing: the listener of the Python interface unless another is given."""

    def note(self, text: str) -> None:
        """Pass over it."""

    def follow(self, items: Iterator[T], total: int, doing: str) -> Iterator[T]:
        return items


QUIET = Quiet()


@dataclass(frozen=True, slots=True)
class Followed:
    """An engine whose items are counted; a task says what it is doing in its attribute ``doing``."""

    engine: Engine
    progress: Progress

    def __enter__(self) -> Self:
        self.engine.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.engine.__exit__(*error)

    def around(self, engine: Engine) -> Engine:
        """Another engine, followed likewise."""
        return Followed(engine, self.progress)

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[Done[R]]:
        return self.progress.follow(self.engine.run(task, items), len(items), str(getattr(task, "doing", "working")))
