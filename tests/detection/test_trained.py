"""A frontend that is trained never hears what it is judged by, and travels inside the detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gensup.detection import detector, recipe
from gensup.detection.chain import fit
from gensup.detection.cost import parameters
from gensup.detection.crossfit import Arrangement, crossfit, fit_and_score
from gensup.detection.examples import Examples
from gensup.engine import Inline, Local
from gensup.registry import Registry
from tests.detection.conftest import N
from tests.support.frontends.shifted import Shifted

PARAMS = {
    "frontend.kind": "shifted",
    "pooling.kind": "gwrp",
    "pooling.decay": 1.0,
    "backend.kind": "gmm",
    "backend.n_components": 1,
}
TRAIN = np.arange(2 * N) < N
PLANS = [
    Arrangement(train=TRAIN, fold=np.tile(np.arange(N) // 2 % 3, 2)),
    Arrangement(train=TRAIN, fold=np.tile(np.arange(N) // 4 % 3, 2)),
]


@pytest.fixture(autouse=True)
def shifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipe.SLOTS, "frontend", Registry("tests.support.frontends", "frontend"))
    Shifted.log.clear()


def test_trained_once_a_fold_and_without_it(clips: Examples) -> None:
    (scored,) = crossfit(Inline(), {"a": PARAMS}, clips, PLANS)
    folds = [{k for k, t, f in zip(clips.key, TRAIN, plan.fold, strict=True) if t and f != held} for plan in PLANS for held in range(3)]  # fmt: skip # noqa: E501
    assert [set(heard) for heard in Shifted.log] == folds
    assert scored.scores.shape == (1, 2, 2 * N)
    assert np.isfinite(scored.scores).all()
    assert scored.parameters[0] > 16  # the network's numbers count


def test_one_trial_more_costs_no_training_more(clips: Examples) -> None:
    pair = {"a": PARAMS, "b": {**PARAMS, "pooling.decay": 0.5}}
    both = {t: s for d in crossfit(Inline(), pair, clips, PLANS[:1]) for t, s in zip(d.trials, d.scores, strict=True)}
    assert len(Shifted.log) == 3
    with Local(1) as engine:
        (alone,) = crossfit(engine, {"a": PARAMS}, clips, PLANS[:1])
    np.testing.assert_array_equal(both["a"], alone.scores[0])


def test_a_detector_holds_what_was_trained(clips: Examples, tmp_path: Path) -> None:
    normals, queries = clips.take(np.arange(N)), clips.take(np.arange(N, 2 * N))
    made = fit(Inline(), "own", ("machine", "section"), PARAMS, normals, np.arange(5.0), machine="fan")
    made.save(tmp_path / "det")
    scores = made.score(queries, Inline())
    np.testing.assert_array_equal(detector.load(tmp_path / "det").score(queries, Inline()), scores)
    (other,) = fit_and_score(Inline(), {"a": PARAMS}, normals, queries)
    np.testing.assert_allclose(other.scores[0, 0], scores, rtol=1e-6)
    assert set(Shifted.log[-1]) == set(normals.key)
    assert parameters({"a": PARAMS}, normals)["a"] == made.frontend.n_parameters + 2 * (16 * 17 // 2 + 16 + 1 - 1)
