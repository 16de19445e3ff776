"""How long a search may take, and in which order candidates are taken when not all of them can be."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from gensup.errors import GensupError
from gensup.rng import generator

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def seconds(text: str) -> int:
    """Seconds that a text such as ``45s``, ``30m`` or ``1h30m`` says.

    Raises:
        GensupError: it says none, or no time at all.
    """
    match = _DURATION.fullmatch(text.strip().casefold())
    hours, minutes, rest = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + rest
    if not total:
        raise GensupError("not a time", where="--budget", value=text, rule="above 0, like 45s, 30m, 2h or 1h30m")
    return total


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a clock that is never set back."""

    at: float | None = None  # None: never
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, budget: float | None, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """``budget`` seconds from now; None: never."""
        return cls(None if budget is None else clock() + budget, clock)

    @property
    def over(self) -> bool:
        return self.at is not None and self.clock() >= self.at


def scattered(ids: Collection[str], seed: int, first: str | None = None) -> tuple[str, ...]:
    """All ids in an order of which any beginning is spread over the space: drawn at random, ``first`` in front.

    The order in which they are given does not matter.
    """
    names = sorted(ids)
    drawn = [names[i] for i in generator("scattered", seed).permutation(len(names))]
    return tuple(drawn) if first is None else (first, *(name for name in drawn if name != first))
