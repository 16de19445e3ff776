"""Times, deadlines, and an order that is spread from its beginning."""

from __future__ import annotations

import pytest

from gensup.errors import GensupError
from gensup.steps.budget import Deadline, scattered, seconds


@pytest.mark.parametrize(
    ("text", "expected"), [("45s", 45), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), (" 1H2M3S ", 3723)]
)
def test_times(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0m", "30", "m", "-3m", "1.5h", "30m1h", "3d", "1h 30m"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(GensupError, match="--budget: not a time"):
        seconds(text)


def test_a_deadline_passes_by_its_own_clock() -> None:
    now = [100.0]
    deadline = Deadline.after(5, clock=lambda: now[0])
    assert not deadline.over
    now[0] = 104.9
    assert not deadline.over
    now[0] = 105.0
    assert deadline.over
    assert not Deadline.after(None, clock=lambda: 1e12).over
    assert not Deadline().over


def test_any_beginning_is_spread() -> None:
    """Of ten equal parts of the space none is far from its share in the first fifth (chi-squared, p = 1e-4)."""
    ids = [f"{i:04d}" for i in range(1000)]
    for seed in range(10):
        order = scattered(ids, seed, first="0500")
        assert order[0] == "0500"
        assert sorted(order) == ids
        counts = [sum(int(name) // 100 == part for name in order[1:201]) for part in range(10)]
        assert sum((count - 20) ** 2 / 20 for count in counts) < 33.7
    assert scattered(reversed(ids), 3) == scattered(ids, 3)
    assert scattered(ids, 3) != scattered(ids, 4)
