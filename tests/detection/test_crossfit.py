"""Cross-fitting: nobody is scored by a model that has heard him or his source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import AudioRef
from gensup.detection.backends.gmm import Gmm
from gensup.detection.crossfit import Arrangement, crossfit, unfit
from gensup.detection.detector import fit, load
from gensup.detection.examples import Examples
from gensup.detection.features import pooled
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.pooling.gwrp import Gwrp
from gensup.detection.recipe import load as load_recipe
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.rng import seed
from tests.support import sounds

N = 12


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Twelve normal clips of two groups, then a hissing copy of each."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [sounds.write(folder / f"{i}.wav", sounds.hum(i)) for i in range(N)]
    paths += [sounds.write(folder / f"{i}-hiss.wav", sounds.hum(i, hiss=1.0)) for i in range(N)]
    return Examples(
        audio=tuple(AudioRef(path, sounds.RATE, 0) for path in paths),
        key=tuple(path.name for path in paths),
        group=tuple("fan/00" if i % 2 else "fan/01" for i in range(N)) * 2,
    )


ARRANGEMENT = Arrangement(train=np.arange(2 * N) < N, fold=np.tile(np.arange(N) // 2 % 3, 2))
SMALL = {"frontend.n_fft": 256, "frontend.hop": 128, "frontend.n_mels": 16}


def params(decay: float, k: int) -> dict:
    return load_recipe("twfr-gmm").with_values({**SMALL, "pooling.decay": decay, "backend.n_components": k})


def test_scores_are_those_of_models_fitted_without_the_clip(clips: Examples) -> None:
    candidates = {"a": params(1.0, 1), "b": params(0.3, 2)}
    scored = {
        t: s
        for done in crossfit(Inline(), candidates, clips, ARRANGEMENT)
        for t, s in zip(done.trials, done.scores, strict=True)
    }
    (x,) = pooled(Inline(), clips, LogMel(256, 128, 16), [Gwrp(0.3)])
    group, fold = np.array(clips.group), ARRANGEMENT.fold
    for i in (0, 3, N + 3, 2 * N - 1):
        others = np.flatnonzero((np.arange(2 * N) < N) & (group == group[i]) & (fold != fold[i]))
        model = Gmm(2).fit(x[others], None, seed("fit", group[i], int(fold[i])))
        np.testing.assert_allclose(scored["b"][i], model.score(x[i : i + 1])[0], rtol=1e-6)
    assert set(scored) == {"a", "b"}
    assert (scored["a"][N:] > scored["a"][:N]).mean() > 0.9  # a hiss is heard


def test_neighbours_in_a_sweep_change_nothing(clips: Examples) -> None:
    (alone,) = crossfit(Inline(), {"a": params(0.5, 2)}, clips, ARRANGEMENT)
    many = {"a": params(0.5, 2), "b": params(0.5, 1), "c": params(0.9, 2)}
    together = {
        t: s for d in crossfit(Inline(), many, clips, ARRANGEMENT) for t, s in zip(d.trials, d.scores, strict=True)
    }
    np.testing.assert_array_equal(together["a"], alone.scores[0])


def test_pruned_with_a_reason(clips: Examples) -> None:
    reasons = unfit({"small": params(1.0, 2), "large": params(1.0, 8)}, ARRANGEMENT, clips.group)
    assert reasons == {"large": "8 components need 16 clips, a fold has 4"}


def test_a_detector_survives_its_folder(clips: Examples, tmp_path: Path) -> None:
    normals = clips.take(range(N))
    arrangement = Arrangement(train=ARRANGEMENT.train[:N], fold=ARRANGEMENT.fold[:N])
    (held_out,) = crossfit(Inline(), {"": params(0.5, 2)}, normals, arrangement)
    how = ("machine", "section"), params(0.5, 2)
    detector = fit(Inline(), "twfr-gmm", *how, normals, held_out.scores[0], machine="fan")
    detector.save(tmp_path / "detector")
    again = load(tmp_path / "detector")
    np.testing.assert_array_equal(detector.score(clips, Inline()), again.score(clips, Inline()))
    assert again.threshold == detector.threshold
    assert again.params == detector.params
    assert detector.threshold == np.quantile(held_out.scores[0], 0.9)
    np.testing.assert_allclose(detector.normalised(held_out.scores[0]).std(), 1)


def test_a_detector_that_was_tampered_with(clips: Examples, tmp_path: Path) -> None:
    fit(Inline(), "mean-gmm", ("machine",), params(1.0, 1), clips.take(range(N)), np.arange(N), machine="fan").save(
        tmp_path
    )
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8] + b"12345678")
    with pytest.raises(GensupError, match="not those of this detector"):
        load(tmp_path)
    with pytest.raises(GensupError, match="no detector here"):
        load(tmp_path / "elsewhere")


def test_a_clip_that_is_too_short_is_named(tmp_path: Path) -> None:
    path = sounds.write(tmp_path / "short.wav", sounds.hum(0, seconds=0.11))
    clips = Examples(audio=(AudioRef(path, sounds.RATE, 0),), key=("",), group=("",))
    with pytest.raises(GensupError, match=r"short\.wav: the clip is too short"):
        pooled(Inline(), clips, LogMel(2048, 512, 16), [Gwrp()])
