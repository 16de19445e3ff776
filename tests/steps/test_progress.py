"""Who listens to a step hears of every item, and an engine that is listened to is still an engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TypeVar

from gensup.engine import Local, collect
from gensup.steps.progress import Followed, Quiet

T = TypeVar("T")


class Listener(Quiet):
    """Remembers what it follows."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, str]] = []

    def follow(self, items: Iterator[T], total: int, doing: str) -> Iterator[T]:
        self.heard.append((total, doing))
        return items


def test_a_followed_engine_counts_items_and_keeps_its_workers() -> None:
    listener = Listener()
    with Followed(Local(1), listener) as engine:
        (first,) = collect(engine, os.path.realpath, ["/proc/self"])
        assert collect(engine, os.path.realpath, ["/proc/self", "/proc"]) == [first, "/proc"]
    assert collect(engine, os.path.realpath, ["/proc/self"]) != [first]
    assert listener.heard == [(1, "working"), (2, "working"), (1, "working")]
