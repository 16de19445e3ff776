"""Clips between clips: on the line between two of a fold, fitted on nowhere else than their parents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import AudioRef
from gensup.detection.between import Between
from gensup.detection.chain import fit
from gensup.detection.crossfit import Arrangement, crossfit, fit_and_score
from gensup.detection.examples import Examples
from gensup.detection.features import pooled
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.grown import grown
from gensup.detection.pooling.gwrp import Gwrp
from gensup.detection.resampling.smote import Smote
from gensup.engine import Inline
from tests.detection.conftest import SMALL, N

SMOTE = Smote(1.0, 2, at="waveform")
ONE_FOLD = np.zeros(N, dtype=np.intp), np.ones(N, dtype=bool)
TARGET = np.arange(N) >= 8  # four target clips, two in each group


@pytest.fixture
def normals(clips: Examples) -> Examples:
    return replace(clips.take(np.arange(N)), target_domain=TARGET)


def test_between_two_of_one_group(normals: Examples) -> None:
    found, fold = grown(normals, SMOTE, *ONE_FOLD)
    assert len(found) == len(fold) == N + 4  # four source clips in each group, two target clips: two more each
    assert found.target_domain is not None
    assert found.target_domain[N:].all()
    assert len(set(found.key)) == len(found)
    for clip, group in zip(found.audio[N:], found.group[N:], strict=True):
        assert isinstance(clip, Between)
        parents = [normals.audio.index(ref) for ref in (clip.first, clip.second)]
        assert {normals.group[i] for i in parents} == {group}
        assert TARGET[parents].all()
        a, b = clip.first.read(), clip.second.read()
        np.testing.assert_allclose(clip.read(), a + clip.share * (b - a), atol=1e-6)
    again, _ = grown(normals, SMOTE, *ONE_FOLD)
    assert again.key == found.key


def test_no_new_clip_is_heard_where_a_parent_is_held_out(normals: Examples) -> None:
    fold = np.arange(N) // 2 % 2
    found, folds = grown(normals, SMOTE, fold, np.ones(N, dtype=bool))
    for clip, place in zip(found.audio[N:], folds[N:], strict=True):
        assert isinstance(clip, Between)
        assert {fold[normals.audio.index(ref)] for ref in (clip.first, clip.second)} == {place}
    heard = grown(normals, SMOTE, fold, np.arange(N) < 9)[0]
    assert all(normals.audio.index(c.first) < 9 for c in heard.audio[N:] if isinstance(c, Between))


def test_spectrograms_between(normals: Examples) -> None:
    found, _ = grown(normals, replace(SMOTE, at="log-mel"), *ONE_FOLD)
    clip = found.audio[N]
    assert isinstance(clip, Between)
    mean = [Gwrp(1.0)]
    (x,) = pooled(Inline(), found, LogMel(256, 128, 16), mean)
    a, b = (x[found.audio.index(ref)] for ref in (clip.first, clip.second))
    np.testing.assert_allclose(x[N], a + clip.share * (b - a), rtol=1e-4, atol=1e-3)  # the mean is linear in them


def test_scores_are_those_of_models_with_new_clips(normals: Examples, tmp_path: Path) -> None:
    added = {"resample.kind": "smote", "resample.at": "waveform", "resample.ratio": 1.0, "resample.k": 2}
    normals = replace(normals, target_domain=np.isin(np.arange(N), (4, 5, 6, 7)))
    backend = {"backend.kind": "k-means", "backend.k": 1, "backend.keep_target": False}
    plain = {"frontend.kind": "log-mel", **SMALL, "pooling.kind": "mean", **backend}
    both = {"a": plain, "b": {**plain, **added}}
    plan = Arrangement(train=np.ones(N, dtype=bool), fold=(np.arange(N) >= 10).astype(np.intp))
    scored = {
        t: s for d in crossfit(Inline(), both, normals, [plan, plan]) for t, s in zip(d.trials, d.scores, strict=True)
    }
    assert scored["b"].shape == scored["a"].shape == (2, N)
    assert np.isfinite(scored["b"]).all()
    assert not np.allclose(scored["a"], scored["b"])
    np.testing.assert_array_equal(scored["b"][0], scored["b"][1])
    np.testing.assert_array_equal(scored["a"][0], next(crossfit(Inline(), {"a": plain}, normals, [plan])).scores[0, 0])
    made = fit(Inline(), "own", ("machine", "section"), both["b"], normals, np.arange(5.0), machine="fan")
    queries = Examples(audio=normals.audio[:3], key=normals.key[:3], group=normals.group[:3])
    (other,) = fit_and_score(Inline(), {"b": both["b"]}, normals, queries)
    np.testing.assert_allclose(made.score(queries, Inline()), other.scores[0, 0], rtol=1e-6)


def test_what_cannot_be_grown_is_left_as_it_is(normals: Examples) -> None:
    for clips in (replace(normals, target_domain=None), replace(normals, target_domain=np.arange(N) == 3)):
        assert grown(clips, SMOTE, *ONE_FOLD)[0].audio == clips.audio
    assert grown(normals, Smote(1.0), *ONE_FOLD)[0].audio == normals.audio
    assert all(isinstance(ref, AudioRef) for ref in normals.audio)
