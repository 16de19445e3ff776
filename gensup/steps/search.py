"""A search of a space too dear to exhaust: a probe spread over it, then where a Parzen estimator points (TPE).

Which points are scored is a function of the space, the seed and the scores alone: a search that was killed asks the
same questions again, and what has been answered before is answered at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from gensup.clip import Json
from gensup.rng import seed as seed_of
from gensup.steps.axes import Choice, choice, distributions, quiet
from gensup.steps.budget import scattered

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Row = TypeVar("Row")
Point: TypeAlias = Mapping[str, Json]  # axis -> value


def explore(
    points: Mapping[str, Point],
    axes: Mapping[str, Sequence[Json]],
    *,
    default: str | None,
    trials: int,
    seed: int,
    probe: int,
    batch: int,
    score: Callable[[Sequence[str]], Mapping[str, Row | None]],
    weigh: Callable[[Mapping[str, Row]], Callable[[Row], float]],
    over: Callable[[], bool] = lambda: False,
) -> dict[str, Row | None]:
    """Score ``trials`` of the points, no point twice; their rows in the order in which they were asked for.

    The default and ``probe`` scattered points come first, and fix the number that the search climbs; then come batches
    of suggestions that keep clear of each other. A search with more ``trials`` begins with the same ones.

    Args:
        points: trial id -> its value on every axis; a space with holes is welcome.
        axes: axis -> its values, in order.
        score: rows of trials, None for one that failed; asked again for what it knows, it answers from memory.
        weigh: from the probe's rows, the number of any row, higher = better.
        over: asked before every batch after the first; when it says so, the search ends early.
    """
    order = scattered(points, seed, default)
    wanted = min(trials, len(points))
    rows: dict[str, Row | None] = {}

    def ask(chosen: Sequence[str]) -> None:
        found = score(chosen)
        rows.update((trial, found[trial]) for trial in chosen)

    ask(order[: min(wanted, probe + (default is not None))])
    probed = {trial: row for trial, row in rows.items() if row is not None}
    # Of fewer than two there is no better and worse, and nothing to fix a number on.
    number = weigh(probed) if len(probed) > 1 else None
    space = _Space.of(points, axes, order)
    while len(rows) < wanted and not over():
        values = None if number is None else {t: None if row is None else number(row) for t, row in rows.items()}
        chosen = space.next(batch, values, seed) if values else [t for t in order if t not in rows][:batch]
        ask(chosen[: wanted - len(rows)])
    return rows


@dataclass(frozen=True, slots=True)
class _Space:
    """The points in the order that settles which of two equally near ones is taken."""

    order: Sequence[str]
    params: Mapping[str, dict[str, Choice]]
    axes: Mapping[str, BaseDistribution]
    places: NDArray[np.float64]  # (points, dim): distances along axes, added up

    @classmethod
    def of(cls, points: Mapping[str, Point], axes: Mapping[str, Sequence[Json]], order: Sequence[str]) -> _Space:
        along = distributions(axes)
        params = {trial: {axis: choice(points[trial][axis]) for axis in axes} for trial in order}
        return cls(order, params, along, np.array([_place(along, params[trial]) for trial in order]))

    def next(self, count: int, values: Mapping[str, float | None], seed: int) -> list[str]:
        """Up to ``count`` new trials where TPE expects to gain most, given the values of those done."""
        from optuna import create_study
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState, create_trial

        def add(trial: str, value: float | None, state: TrialState) -> None:
            study.add_trial(
                create_trial(state=state, value=value, params=self.params[trial], distributions=dict(self.axes))
            )

        # Seeded by what is done, and not once for all: a continued search does not draw what it has drawn before.
        sampler = TPESampler(
            seed=seed_of("tpe", seed, len(values)) % 2**32, n_startup_trials=1, multivariate=True, constant_liar=True
        )
        chosen: list[str] = []
        left = np.array([trial not in values for trial in self.order])
        with quiet():
            study = create_study(direction="maximize", sampler=sampler)
            worst = min(value for value in values.values() if value is not None)
            for trial, value in values.items():
                # A failed trial is no better than the worst: where fits fail is no place to go.
                add(trial, worst if value is None else value, TrialState.COMPLETE)
            while left.any() and len(chosen) < count:
                suggested = study.ask(dict(self.axes))
                far = np.abs(self.places - _place(self.axes, suggested.params)).sum(axis=1)
                nearest = int(np.argmin(np.where(left, np.round(far, 9), np.inf)))
                left[nearest] = False
                chosen.append(self.order[nearest])
                # In its place the point that is really taken, which the batch's next suggestions keep clear of.
                study.tell(suggested, state=TrialState.FAIL)
                add(self.order[nearest], None, TrialState.RUNNING)
        return chosen


def _place(axes: Mapping[str, BaseDistribution], params: Mapping[str, Choice]) -> list[float]:
    """Where a point lies: a number by its share of its axis, another choice as far off as an axis's other end."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    place: list[float] = []
    for axis, along in axes.items():
        here = along.to_internal_repr(params[axis])
        if isinstance(along, CategoricalDistribution):
            place += [0.5 * (here == i) for i in range(len(along.choices))]
        elif isinstance(along, FloatDistribution | IntDistribution):
            place.append((here - along.low) / (along.high - along.low))
    return place
