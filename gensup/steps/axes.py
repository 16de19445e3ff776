"""Axes of a search space as Optuna says them: numbers with a step where they are evenly spaced, else a choice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from gensup.clip import Json

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Choice: TypeAlias = "bool | int | float | str | None"


def distributions(axes: Mapping[str, Sequence[Json]]) -> dict[str, BaseDistribution]:
    """The distribution of every axis; each contains all of its axis's values and no other."""
    return {name: distribution(values) for name, values in axes.items()}


def distribution(values: Sequence[Json]) -> BaseDistribution:
    """Evenly spaced integers or numbers in any order, or a choice among values in the order given."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = sorted({v for v in values if isinstance(v, int | float) and not isinstance(v, bool)})
    if 2 <= len(numbers) == len(values):
        # Decimals, as Optuna counts steps: 0.1 is a tenth, and three of them are 0.3.
        steps = {Decimal(str(high)) - Decimal(str(low)) for low, high in pairwise(numbers)}
        if len(steps) == 1:
            low, high, step = numbers[0], numbers[-1], steps.pop()
            if all(isinstance(v, int) for v in numbers):
                return IntDistribution(int(low), int(high), step=int(step))
            return FloatDistribution(low, high, step=float(step))
    return CategoricalDistribution(list(dict.fromkeys(choice(v) for v in values)))


def choice(value: Json) -> Choice:
    """A value as Optuna can keep it: a list or a mapping becomes its JSON."""
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna tells stderr of every study it makes; progress is ours to tell."""
    from optuna import logging

    said = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(said)
