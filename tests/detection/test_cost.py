"""Times: what is measured once is shared, and nothing is said of how long it takes."""

from __future__ import annotations

import math

import pytest

from gensup.detection import cost
from gensup.detection.examples import Examples
from tests.detection.conftest import N, params


def test_what_shares_its_parts_shares_its_time(clips: Examples) -> None:
    candidates = {
        "a": params(1.0, 1),
        "b": params(0.3, 1),  # another decay of the same pooling
        "c": params(0.3, 2),
        "d": params(0.3, 2, **{"frontend.n_mels": 12}),
    }
    times = cost.ms_per_clip(candidates, clips.take(range(N)))
    assert times.keys() == candidates.keys()
    assert all(math.isfinite(time) and time > 0 for time in times.values())
    assert times["a"] == times["b"]


def test_each_part_is_measured_once(clips: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    spans: list[int] = []

    def median_s(work, times):  # type: ignore[no-untyped-def]
        work(times - 1)
        spans.append(times)
        return 10.0 ** len(spans)

    monkeypatch.setattr(cost, "_median_s", median_s)
    candidates = {f"{decay}-{k}": params(decay, k) for decay in (0.0, 0.5, 1.0) for k in (1, 2)}
    times = cost.ms_per_clip(candidates, clips.take(range(N)))
    assert spans == [cost.CLIPS, cost.ROWS, cost.ROWS]
    for decay in (0.0, 0.5, 1.0):
        assert times[f"{decay}-1"] == 1000 * (10 + 100)
        assert times[f"{decay}-2"] == 1000 * (10 + 1000)
