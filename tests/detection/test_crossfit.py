"""Cross-fitting: nobody is scored by a model that has heard him or his source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import AudioRef
from gensup.detection.backends.gmm import Gmm
from gensup.detection.chain import fit
from gensup.detection.crossfit import Arrangement, Scored, crossfit, fit_and_score, unfit
from gensup.detection.examples import Examples
from gensup.detection.features import pooled
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.pooling.gwrp import Gwrp
from gensup.engine import Inline, Local
from gensup.errors import GensupError
from gensup.rng import seed
from gensup.store import sweep
from tests.detection.conftest import N, params
from tests.support import sounds

TRAIN = np.arange(2 * N) < N
ARRANGEMENT = Arrangement(train=TRAIN, fold=np.tile(np.arange(N) // 2 % 3, 2))
OTHER = Arrangement(train=TRAIN, fold=np.tile(np.arange(N) // 4 % 3, 2))


def by_trial(scored: Iterable[Scored]) -> dict[str, np.ndarray]:
    return {t: s for done in scored for t, s in zip(done.trials, done.scores, strict=True)}


def test_scores_are_those_of_models_fitted_without_the_clip(clips: Examples) -> None:
    candidates = {"a": params(1.0, 1), "b": params(0.3, 2)}
    scored = {t: s[0] for t, s in by_trial(crossfit(Inline(), candidates, clips, [ARRANGEMENT])).items()}
    (x,) = pooled(Inline(), clips, LogMel(256, 128, 16), [Gwrp(0.3)])
    group, fold = np.array(clips.group), ARRANGEMENT.fold
    for i in (0, 3, N + 3, 2 * N - 1):
        others = np.flatnonzero((np.arange(2 * N) < N) & (group == group[i]) & (fold != fold[i]))
        model = Gmm(2).fit(x[others], None, seed("fit", group[i], int(fold[i])))
        np.testing.assert_allclose(scored["b"][i], model.score(x[i : i + 1])[0], rtol=1e-6)
    assert set(scored) == {"a", "b"}
    assert (scored["a"][N:] > scored["a"][:N]).mean() > 0.9  # a hiss is heard


def test_neighbours_in_a_sweep_change_nothing(clips: Examples) -> None:
    (alone,) = crossfit(Inline(), {"a": params(0.5, 2)}, clips, [ARRANGEMENT])
    many = {"a": params(0.5, 2), "b": params(0.5, 1), "c": params(0.9, 2)}
    together = by_trial(crossfit(Inline(), many, clips, [ARRANGEMENT]))
    np.testing.assert_array_equal(together["a"], alone.scores[0])


def test_pruned_with_a_reason(clips: Examples) -> None:
    reasons = unfit({"small": params(1.0, 2), "large": params(1.0, 8)}, [OTHER, ARRANGEMENT], clips.group)
    assert reasons == {"large": "8 components need 16 clips, a fold has 4"}


def test_a_clip_that_is_too_short_is_named(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "short.wav", sounds.hum(0, seconds=0.11))
    clips = Examples(audio=(AudioRef(path, sounds.RATE, 0),), key=("",), group=("",))
    with pytest.raises(GensupError, match=r"short\.wav: the clip is too short"):
        pooled(Inline(), clips, LogMel(2048, 512, 16), [Gwrp()])


def test_an_arrangement_does_not_know_the_others(clips: Examples) -> None:
    candidates = {"a": params(1.0, 1), "b": params(0.3, 1), "c": params(0.3, 2)}
    together = by_trial(crossfit(Inline(), candidates, clips, [ARRANGEMENT, OTHER, ARRANGEMENT]))
    for place, arrangement in enumerate([ARRANGEMENT, OTHER]):
        alone = by_trial(crossfit(Inline(), candidates, clips, [arrangement]))
        for trial in candidates:
            assert together[trial].shape == (3, 2 * N)
            np.testing.assert_array_equal(together[trial][place], alone[trial][0])
    for scores in together.values():
        np.testing.assert_array_equal(scores[0], scores[2])  # equal folds are equal fits
        assert (scores[0] != scores[1]).mean() > 0.5


def test_several_workers_give_whole_poolings_and_the_same_numbers(clips: Examples) -> None:
    candidates = {"a": params(1.0, 1), "b": params(0.3, 1), "c": params(0.3, 2)}
    here = by_trial(crossfit(Inline(), candidates, clips, [ARRANGEMENT, OTHER]))
    groups = [set(d.trials) for d in crossfit(Local(2), candidates, clips, [ARRANGEMENT, OTHER])]
    assert sorted(map(sorted, groups)) == [["a"], ["b", "c"]]
    there = by_trial(crossfit(Local(2), candidates, clips, [ARRANGEMENT, OTHER]))
    for trial, scores in here.items():
        np.testing.assert_array_equal(there[trial], scores)


def test_a_condition_is_left_out_as_a_whole(clips: Examples) -> None:
    """Clips 0 to 3 are one condition: two are judged in fold 1, two are negatives of fold 2, and neither is fitted."""
    fold = np.tile(np.array([1, 1, 2, 2, 0, 0, 1, 1, 2, 2, 0, 0]), 2)
    also = np.where(np.isin(np.arange(2 * N) % N, [2, 3]), 1, -1)
    left_out = Arrangement(train=TRAIN, fold=fold, also=also)
    plain = Arrangement(train=TRAIN, fold=fold)
    group = np.array(clips.group)
    assert plain.smallest_fit(clips.group) == 4
    assert left_out.smallest_fit(clips.group) == 3
    assert unfit({"a": params(1.0, 2)}, [plain, left_out], clips.group) == {
        "a": "2 components need 4 clips, a fold has 3"
    }
    scores = by_trial(crossfit(Inline(), {"a": params(0.3, 1)}, clips, [plain, left_out]))["a"]
    (x,) = pooled(Inline(), clips, LogMel(256, 128, 16), [Gwrp(0.3)])
    for i in range(2 * N):
        heard = TRAIN & (group == group[i]) & (fold != fold[i])
        if fold[i] == 1:
            heard &= ~np.isin(np.arange(2 * N), [2, 3])
        model = Gmm(1).fit(x[heard], None, seed("fit", group[i], int(fold[i])))
        np.testing.assert_allclose(scores[1, i], model.score(x[i : i + 1])[0], rtol=1e-6)
    np.testing.assert_array_equal(scores[0, fold != 1], scores[1, fold != 1])
    assert (scores[0, fold == 1] != scores[1, fold == 1]).all()


def test_a_clip_of_no_fold_is_fitted_and_not_scored(clips: Examples) -> None:
    fold = np.where(np.arange(2 * N) % 3 == 0, -1, ARRANGEMENT.fold)
    (done,) = crossfit(Inline(), {"a": params(1.0, 1)}, clips, [Arrangement(train=TRAIN, fold=fold)])
    np.testing.assert_array_equal(np.isnan(done.scores[0, 0]), fold < 0)
    assert Arrangement(train=TRAIN, fold=np.full(2 * N, -1)).smallest_fit(clips.group) == 0


def test_vectors_lie_in_scratch_under_a_name_that_is_swept(clips: Examples, tmp_path: Path) -> None:
    scratch = tmp_path / "run" / "scratch"
    candidates = {"a": params(1.0, 1), "b": params(0.3, 1)}
    running = crossfit(Inline(), candidates, clips, [ARRANGEMENT], scratch=scratch)
    first = next(running)
    vectors, _ = sorted(scratch.iterdir())  # of two poolings
    left = scratch / vectors.name.replace("-", "-9")  # as a kill leaves it
    left.write_bytes(vectors.read_bytes())
    both = by_trial([first, *running])
    assert list(scratch.iterdir()) == [left]
    assert sweep(tmp_path / "run") == 1
    for trial, scores in by_trial(crossfit(Inline(), candidates, clips, [ARRANGEMENT])).items():
        np.testing.assert_array_equal(both[trial], scores)


def test_fit_and_score_is_a_fitted_detector_that_scores(clips: Examples) -> None:
    domain = np.arange(N) % 3 == 0
    normals = replace(clips.take(range(N)), target_domain=domain)
    queries = clips.take([N + 3, 2, N, N + 5])
    candidates = {"a": params(1.0, 1), "b": params(0.3, 2), "c": params(0.3, 1)}
    for trial, scores in by_trial(fit_and_score(Inline(), candidates, normals, queries)).items():
        how = ("machine", "section"), candidates[trial]
        detector = fit(Inline(), "twfr-gmm", *how, normals, np.arange(N), machine="fan")
        assert scores.shape == (1, 4)
        np.testing.assert_array_equal(scores[0], detector.score(queries, Inline()).astype(np.float32))
    with pytest.raises(GensupError, match="group of a query"):
        list(fit_and_score(Inline(), candidates, normals, replace(queries, group=("fan/02",) * 4)))
