"""Trained networks in cross-fits and detectors: what is held out stays out, and scores come back from a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gensup.detection import detector
from gensup.detection.chain import fit
from gensup.detection.crossfit import Arrangement, crossfit, fit_and_score
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.training import classifying, reconstructing
from gensup.engine import Inline, Local
from tests.detection.conftest import N

SMALL = {"frontend.n_fft": 256, "frontend.hop": 128, "frontend.n_mels": 16, "pooling.kind": "mean"}
AUTOENCODER = {
    **SMALL, "frontend.kind": "autoencoder", "frontend.width": 8, "frontend.bottleneck": 2, "frontend.steps": 5,
    "frontend.batch": 16, "backend.kind": "value",
}  # fmt: skip
SERESNET = {
    **SMALL, "frontend.kind": "seresnet", "frontend.width": 2, "frontend.dim": 4, "frontend.steps": 2,
    "frontend.batch": 4, "frontend.seconds": 0.5, "frontend.pseudo": "none", "backend.kind": "knn",
}  # fmt: skip
CPU = Means(device="cpu")
TRAIN = np.arange(2 * N) < N
PLAN = Arrangement(train=TRAIN, fold=np.tile(np.arange(N) // 2 % 3, 2))


@pytest.fixture(scope="module")
def labelled(clips: Examples) -> Examples:
    return replace(clips, label=tuple(f"speed {i % 2}" for i in range(N)) * 2)


@pytest.fixture
def trained_on(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Keys of the clips of every training, as the loop gets them."""
    log: list[set[str]] = []
    for module in (classifying, reconstructing):

        def weights(frontend: Any, normals: Examples, *rest: Any, whole: Any = module.weights) -> Any:
            log.append(set(normals.key))
            return whole(frontend, normals, *rest)

        monkeypatch.setattr(module, "weights", weights)
    return log


@pytest.mark.parametrize("params", [AUTOENCODER, SERESNET], ids=["autoencoder", "seresnet"])
def test_held_out_clips_are_not_heard(
    params: dict[str, Any], labelled: Examples, trained_on: list[set[str]], tmp_path: Path
) -> None:
    (scored,) = crossfit(Inline(), {"a": params}, labelled, [PLAN], replace(CPU, folder=tmp_path))
    folds = [{k for k, t, f in zip(labelled.key, TRAIN, PLAN.fold, strict=True) if t and f != h} for h in range(3)]
    assert trained_on == folds
    assert np.isfinite(scored.scores).all()
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


def test_workers_and_a_continued_run_score_alike(labelled: Examples, tmp_path: Path) -> None:
    candidates = {"a": AUTOENCODER, "b": {**AUTOENCODER, "frontend.residual": "mahalanobis-code"}}
    means = replace(CPU, folder=tmp_path)

    def scores(engine: Any, means: Means) -> dict[str, np.ndarray]:
        done = crossfit(engine, candidates, labelled, [PLAN], means)
        return {trial: s for one in done for trial, s in zip(one.trials, one.scores, strict=True)}

    with Local(2) as engine:
        first = scores(engine, means)
    again, alone = scores(Inline(), means), scores(Inline(), CPU)
    for trial in candidates:
        np.testing.assert_array_equal(first[trial], again[trial])
        np.testing.assert_allclose(first[trial], alone[trial], rtol=1e-4)


@pytest.mark.parametrize("params", [AUTOENCODER, SERESNET], ids=["autoencoder", "seresnet"])
def test_a_detector_brings_its_network_along(params: dict[str, Any], labelled: Examples, tmp_path: Path) -> None:
    normals, queries = labelled.take(np.arange(N)), labelled.take(np.arange(N, 2 * N))
    means = replace(CPU, folder=tmp_path / "run")
    made = fit(Inline(), "own", ("section",), params, normals, np.arange(5.0), machine="fan", means=means)
    made.save(tmp_path / "det")
    scores = made.score(queries, Inline())
    for file in (tmp_path / "run").rglob("*.safetensors"):
        file.unlink()
    # Conditions that no training knew are no labels of a query.
    unheard = replace(queries, label=("speed 9",) * N)
    np.testing.assert_array_equal(detector.load(tmp_path / "det").score(unheard, Inline()), scores)
    (other,) = fit_and_score(Inline(), {"a": params}, normals, queries, CPU)
    np.testing.assert_allclose(other.scores[0, 0], scores, rtol=1e-5)
