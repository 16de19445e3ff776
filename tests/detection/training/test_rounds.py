"""Every clip once a round, whatever batches and parts there are."""

from __future__ import annotations

import numpy as np

from gensup.detection.training.rounds import Rounds


def test_a_round_holds_each_once_and_runs_into_the_next() -> None:
    rounds = Rounds(10, 4, seed=1)
    assert rounds.steps(2) == 5
    drawn = np.concatenate([rounds.draw(step, range(4)) for step in range(5)])
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))
    assert drawn[:10].tolist() != drawn[10:].tolist()
    np.testing.assert_array_equal(rounds.draw(2, [1, 3]), rounds.draw(2, range(4))[[1, 3]])
    assert Rounds(10, 4, seed=2).draw(0, range(4)).tolist() != rounds.draw(0, range(4)).tolist()


def test_a_batch_may_be_larger_than_what_there_is() -> None:
    found = Rounds(3, 8, seed=0).draw(0, range(8))
    assert np.bincount(found).tolist() in ([3, 3, 2], [3, 2, 3], [2, 3, 3])
