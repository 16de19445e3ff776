"""A fault row's parameters: which a mechanism knows, within which physical bounds, and how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, isfinite, log
from typing import TYPE_CHECKING

import numpy as np

from gensup.errors import GensupError
from gensup.registry import unknown

if TYPE_CHECKING:
    from gensup.clip import Json
    from gensup.synthesis.records import Params


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number drawn from [low, high]. A row may set another range, or one number, within [least, most]."""

    low: float
    high: float
    least: float
    most: float
    log: bool = False  # frequencies and durations: every octave is as likely


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a mechanism's rows may say."""

    mechanism: str
    quantities: Mapping[str, Quantity]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the first is the default

    def numbers(self, parameters: Params, rng: np.random.Generator) -> dict[str, float]:
        """Every quantity, drawn in a fixed order; a fixed one uses up as much randomness as a drawn one.

        Raises:
            GensupError: the row names an unknown parameter or breaks a bound.
        """
        ranges = self.ranges(parameters)
        return {name: _between(*ranges[name], rng.random(), self.quantities[name].log) for name in ranges}

    def ranges(self, parameters: Params) -> dict[str, tuple[float, float]]:
        """[low, high] of every quantity, after checking all that the row says.

        Raises:
            GensupError: as for ``numbers``.
        """
        for name in parameters:
            if name not in self.quantities and name not in self.words:
                raise unknown("parameter", name, [*self.quantities, *self.words], where=self.mechanism)
        for name in self.words:
            self.word(parameters, name)
        return {name: self._range(name, parameters.get(name)) for name in self.quantities}

    def word(self, parameters: Params, name: str) -> str:
        """The word a row says for ``name``, or the default."""
        options = self.words[name]
        said = parameters.get(name, options[0])
        if said not in options:
            raise GensupError(
                "not one of the words it may be",
                where=f"{self.mechanism}: {name}",
                value=said,
                rule=f"one of: {', '.join(options)}",
            )
        return str(said)

    def _range(self, name: str, said: Json) -> tuple[float, float]:
        quantity = self.quantities[name]
        if said is None:
            return quantity.low, quantity.high
        ends = said if isinstance(said, list) else [said, said]
        numbers = [float(end) for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
        fits = len(numbers) == len(ends) == 2 and all(isfinite(number) for number in numbers)
        if not fits or not quantity.least <= numbers[0] <= numbers[1] <= quantity.most:
            raise GensupError(
                "not a range it may have",
                where=f"{self.mechanism}: {name}",
                value=said,
                rule=f"one number, or [low, high], from {quantity.least:g} to {quantity.most:g}",
            )
        return numbers[0], numbers[1]


def checked_severity(severity: float) -> float:
    """``severity`` itself.

    Raises:
        GensupError: it is negative or not finite.
    """
    if not (isfinite(severity) and severity >= 0):
        raise GensupError("not a severity", value=severity, rule="0 is the sham, 1 the nominal fault, more is worse")
    return severity


def fresh_seed(rng: np.random.Generator) -> int:
    """A seed for a fault's own noise, small enough for every JSON reader."""
    return int(rng.integers(2**32))


def _between(low: float, high: float, share: float, logarithmic: bool) -> float:
    if low == high:
        return float(low)
    if logarithmic:
        return exp(log(low) + share * (log(high) - log(low)))
    return low + share * (high - low)
