"""The search of a dear space: better than chance, and the same whatever happens to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from gensup.rng import digest
from gensup.steps.search import explore

AXES: dict[str, list[Any]] = {
    "decay": [round(0.05 * i, 10) for i in range(20)],
    "width": list(range(20)),
    "kind": ["flat", "round", "long", "wide", "high"],
}
POINTS = {digest(list(point)): dict(zip(AXES, point, strict=True)) for point in product(*AXES.values())}
TRUTH = {
    trial: -((p["decay"] - 0.62) ** 2) - (p["width"] / 19 - 0.3) ** 2 - 0.05 * abs(AXES["kind"].index(p["kind"]) - 2)
    for trial, p in POINTS.items()
}
DEFAULT = min(TRUTH, key=lambda trial: TRUTH[trial])


class KilledError(Exception):
    pass


class Scores:
    """Remembers what it has scored, as a study on disk does, and may be killed."""

    def __init__(self, patience: int = 10**9, deaf: Sequence[str] = ()) -> None:
        self.known: dict[str, float | None] = {}
        self.patience, self.deaf = patience, set(deaf)

    def __call__(self, trials: Sequence[str]) -> Mapping[str, float | None]:
        for trial in trials:
            if trial not in self.known:
                if len(self.known) >= self.patience:
                    raise KilledError
                self.known[trial] = None if trial in self.deaf else TRUTH[trial]
        return {trial: self.known[trial] for trial in trials}


def search(score: Scores, *, trials: int = 60, seed: int = 0, **how: Any) -> dict[str, float | None]:
    asked = {"default": DEFAULT, "probe": 16, "batch": 4, "points": POINTS, "axes": AXES} | how
    return explore(trials=trials, seed=seed, score=score, weigh=lambda rows: lambda row: row, **asked)


def test_it_finds_a_top_point_more_often_than_chance() -> None:
    """2,000 points, 60 trials, 10 seeds: chance finds one of the best 2 % in 1 - .98^60 = 70 % of the seeds."""
    top = sorted(TRUTH.values())[-len(TRUTH) // 50]
    values = np.array(list(TRUTH.values()))
    found = drawn = 0
    for seed in range(10):
        rows = search(Scores(), seed=seed)
        assert len(rows) == 60
        found += max(row for row in rows.values() if row is not None) >= top
        drawn += np.random.default_rng(seed).choice(values, 60, replace=False).max() >= top
    assert found >= 9
    assert found > drawn


def test_it_begins_with_the_default_and_a_probe_that_fixes_the_number() -> None:
    probes: list[list[str]] = []

    def weigh(rows: Mapping[str, float]) -> Any:
        probes.append(list(rows))
        return lambda row: row

    rows = explore(
        POINTS, AXES, default=DEFAULT, trials=24, seed=5, probe=8, batch=4, score=Scores(deaf=[DEFAULT]), weigh=weigh
    )
    assert next(iter(rows)) == DEFAULT
    assert probes == [list(rows)[1:9]]  # fixed once, on the probe's complete trials


@pytest.mark.parametrize("patience", [0, 3, 17, 18, 21, 39])
def test_a_killed_search_continues_as_if_it_had_not_been(patience: int) -> None:
    whole = search(Scores(), trials=40)
    victim = Scores(patience)
    with pytest.raises(KilledError):
        search(victim, trials=40)
    assert len(victim.known) == patience
    victim.patience = 10**9
    again = search(victim, trials=40)
    assert list(again.items()) == list(whole.items())


def test_more_trials_begin_with_the_same_ones() -> None:
    assert list(search(Scores(), trials=45))[:30] == list(search(Scores(), trials=30))


def test_no_point_twice_and_a_small_space_is_exhausted() -> None:
    few = {trial: POINTS[trial] for trial in sorted(POINTS)[:30]}  # full of holes
    rows = search(Scores(), trials=100, points=few, default=next(iter(few)))
    assert sorted(rows) == sorted(few)
    assert len(search(Scores(), trials=30, batch=7)) == 30


def test_other_seeds_look_elsewhere() -> None:
    assert list(search(Scores(), trials=20, seed=1)) != list(search(Scores(), trials=20, seed=2))


def test_failed_trials_are_no_places_to_go() -> None:
    deaf = [trial for trial, point in POINTS.items() if point["kind"] != "long"]
    rows = search(Scores(deaf=deaf), trials=50)
    assert len(rows) == 50
    good = [trial for trial, row in rows.items() if row is not None]
    assert len(good) > 2 * 50 / 5  # a fifth of the space can be scored
    everything = list(search(Scores(deaf=list(POINTS)), trials=30).values())
    assert everything == [None] * 30


def test_it_ends_when_time_is_over() -> None:
    ticks = iter([False, False, True])
    assert len(search(Scores(), over=lambda: next(ticks))) == 1 + 16 + 2 * 4
    assert len(search(Scores(), over=lambda: True)) == 17  # the probe is always there
