"""What the demo withholds from selection exists, and enough is left to choose with."""

from __future__ import annotations

from benchmarks.demo import WITHHELD, offered
from gensup.captions import faults_for
from gensup.synthesis.physical import MECHANISMS


def test_withheld_mechanisms_exist_and_are_not_offered() -> None:
    assert set(WITHHELD) | set(offered()) == set(MECHANISMS.names())
    assert not set(WITHHELD) & set(offered())


def test_what_is_left_says_enough() -> None:
    rows = [row for row in faults_for("RotaryBlower") if row.mechanism in offered()]
    assert len(rows) >= 8
    assert len({row.mechanism for row in rows}) >= 8
