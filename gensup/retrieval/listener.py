"""Who hears what a download has to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Listener(Protocol):
    """Notes for the user, and items counted as they pass."""

    def note(self, text: str) -> None: ...

    def follow(self, items: Iterator[T], total: int, doing: str) -> Iterator[T]: ...


class Silent:
    """Hears nothing."""

    def note(self, text: str) -> None:
        """Pass over it."""

    def follow(self, items: Iterator[T], total: int, doing: str) -> Iterator[T]:
        return items


SILENT = Silent()
