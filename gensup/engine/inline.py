"""No other process at all."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from gensup.engine.attempt import failed, single_threaded
from gensup.engine.done import Done

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Inline:
    """This process, for ``--workers 1`` and tiny jobs: nothing is pickled, and items end in order.

    A task that kills its process kills this one: where that may happen, ``Local(1)`` is the engine.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def run(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[Done[R]]:
        """See Engine."""
        with single_threaded():  # once for all items: looking up what is loaded takes milliseconds
            for index, item in enumerate(items):
                try:
                    done: Done[R] = Done(index, task(item))
                except Exception as error:
                    done = failed(index, error, traceback.format_exc())
                yield done
