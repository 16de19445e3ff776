"""Which clip stands in which row of which step: every clip once a round, by number alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from gensup.rng import generator


class Rounds:
    """``count`` things in a new order each round (an epoch); a batch that a round does not fill runs into the next."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.count, self.batch, self.seed = count, batch, seed
        self._order = lru_cache(maxsize=2)(self._drawn)

    def steps(self, epochs: int) -> int:
        """So many rounds make so many steps."""
        return ceil(epochs * self.count / self.batch)

    def draw(self, step: int, rows: Sequence[int]) -> NDArray[np.intp]:
        """(rows,) what stands in these rows of a step's batch."""
        places = step * self.batch + np.asarray(rows, dtype=np.intp)
        rounds, place = np.divmod(places, self.count)
        found = np.empty(len(places), dtype=np.intp)
        for number in np.unique(rounds):
            mine = rounds == number
            found[mine] = self._order(int(number))[place[mine]]
        return found

    def _drawn(self, number: int) -> NDArray[np.intp]:
        return generator("round", self.seed, number).permutation(self.count).astype(np.intp)
