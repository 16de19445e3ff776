"""Every part as a module of torch says what the part itself says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import toeplitz

from gensup.audio.files import resampled
from gensup.detection.frontends.ast import Ast
from gensup.detection.frontends.autoencoder import AutoEncoding
from gensup.detection.frontends.beats import Beats
from gensup.detection.frontends.beats_lora import BeatsLora
from gensup.detection.frontends.log_mel import LogMel
from gensup.detection.frontends.seresnet import SeResNet
from gensup.detection.frontends.ssl4asd import Ssl4Asd
from gensup.detection.graphs.backends import backend
from gensup.detection.graphs.detector import frontend
from gensup.detection.graphs.poolings import pooled
from gensup.detection.graphs.sound import HighPassed, Resampled
from gensup.detection.laid import high_passed
from gensup.detection.learnt import Learnt, Weights
from gensup.detection.means import Means
from gensup.detection.normalising.domain_minimum import DomainMinimum
from gensup.detection.normalising.z_score import ZScore
from gensup.detection.parts import BACKENDS, FRONTENDS, POOLINGS, Tokens
from gensup.errors import GensupError
from tests.support.checkpoints import sound

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("over", ["time", "both", "frequency"])
@pytest.mark.parametrize("name", POOLINGS.names())
def test_poolings(name: str, over: str) -> None:
    kind = POOLINGS.load(name)
    tokens = RNG.normal(size=(9, 3, 4)).astype(np.float32)
    swept = {
        "gwrp": [{"decay": 0.0}, {"decay": 0.46}, {"decay": 1.0}],
        "gem": [{"p": 3.0}, {"p": 10.0, "negative": "keep"}],
        "rdp": [{"gamma": 0.0}, {"gamma": 10.0}],
        "rdp-gem": [{"gamma": 8.0, "negative": "keep"}, {}],
    }
    for values in swept.get(name, [{}]):
        config = replace(kind(), over=over, **values)
        for x in (tokens, np.ones_like(tokens)):  # of equal tokens none deviates
            (expected,) = kind.pool_many(Tokens(x), [config])
            found = pooled(config, torch.from_numpy(x))
            assert found.dtype == torch.float32
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("gmm", {"n_components": 2}),
        ("gmm", {"n_components": 2, "score": "mixture"}),
        ("k-means", {"k": 3}),
        ("k-means", {"k": 3, "metric": "euclidean"}),
        ("knn", {"k": 1}),
        ("knn", {"k": 3, "metric": "euclidean"}),
        ("local-density", {"k": 2}),
        ("local-density", {"k": 2, "k_target": 1, "unit": False}),
        ("mahalanobis", {}),
        ("value", {}),
    ],
)
def test_back_ends(name: str, values: dict[str, Any]) -> None:
    x = RNG.normal(size=(24, 5)).astype(np.float32) - 80
    target = np.arange(24) < 6
    settings = BACKENDS.load(name)(**values)
    for fitted in (
        settings.fit(x, target, 0),
        ZScore().fit(settings, x, target, 0),
        DomainMinimum("target").fit(settings, x, target, 0),
    ):
        queries = np.concatenate([RNG.normal(size=(5, 5)) * 4 - 80, np.zeros((1, 5))]).astype(np.float32)
        module = backend(fitted)
        found = [module(torch.from_numpy(row)).item() for row in queries]
        np.testing.assert_allclose(found, fitted.score(queries), rtol=1e-9, atol=1e-9)


def heard(front: Any, audio: np.ndarray, rate: int, atol: float) -> None:
    """The module's tokens are the frontend's."""
    expected = front.tokens(audio, rate).x
    module = frontend(front, rate).eval()
    with torch.inference_mode():
        found = module(torch.from_numpy(audio)).numpy()
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=atol)


@pytest.mark.parametrize(("n_fft", "hop"), [(256, 128), (250, 77), (255, 100)])
def test_log_mel(n_fft: int, hop: int) -> None:
    heard(LogMel(n_fft, hop, 16), sound(0.5), 16_000, 1e-3)


def learnt(settings: Any, rate: int, **arrays: np.ndarray) -> Learnt:
    """A network of first values whose normalisations have statistics."""
    torch.manual_seed(0)
    fresh = settings.fresh(rate) | arrays
    for name, value in fresh.items():
        if name.endswith("running_var"):
            fresh[name] = RNG.uniform(0.5, 2, value.shape).astype(value.dtype)
        elif name.endswith("running_mean"):
            fresh[name] = RNG.normal(0, 0.1, value.shape).astype(value.dtype)
    return Learnt(settings, Weights.held(fresh | {"rate": np.array(rate)}), "cpu")


@pytest.mark.parametrize("residual", ["mse", "mahalanobis-paper", "mahalanobis-code"])
def test_autoencoder(residual: str) -> None:
    settings = AutoEncoding(residual=residual, n_fft=256, hop=128, n_mels=8, frames=3, width=16, bottleneck=4)  # type: ignore[arg-type]
    size = 24 if residual == "mahalanobis-paper" else 8
    inverses = {} if residual == "mse" else {"source": toeplitz(0.5 ** np.arange(size)), "target": np.eye(size)}
    heard(learnt(settings, 8000, **inverses), sound(0.5, 8000), 8000, 2e-3)  # of residuals of thousands


@pytest.mark.parametrize("seconds", [0.3, 0.7])
def test_seresnet(seconds: float) -> None:
    """A clip that is cut, and one that is tiled."""
    heard(learnt(SeResNet(seconds=0.5, n_mels=16, dim=4, width=4), 16_000), sound(seconds), 16_000, 1e-4)


def test_ssl4asd() -> None:
    heard(learnt(Ssl4Asd(seconds=1.0, dim=4, width=8), 16_000), sound(0.7), 16_000, 1e-4)


@pytest.mark.parametrize(("rate", "seconds"), [(16_000, None), (8_000, 1.0), (22_050, 0.3)])
def test_beats(rate: int, seconds: float | None, means: Means) -> None:
    heard(Beats("tiny", (0, 2), seconds).untrained(means), sound(0.6, rate), rate, 1e-3)


@pytest.mark.parametrize("adaptation", ["lora", "full"])
def test_adapted_beats(adaptation: str, means: Means) -> None:
    settings = BeatsLora(checkpoint="tiny", adaptation=adaptation, rank=4, dim=16, seconds=0.8)  # type: ignore[arg-type]
    heard(learnt(settings.untrained(means).settings, 8000), sound(0.6, 8000), 8000, 1e-4)


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm"])
def test_models_that_hear_samples(kind: str, means: Means) -> None:
    heard(FRONTENDS.load(kind)(f"{kind}-tiny", (1, 2)).untrained(means), sound(0.5, 8000), 8000, 1e-4)


@pytest.mark.parametrize("seconds", [1.0, 5.0])
def test_ast(seconds: float, means: Means) -> None:
    """Part of a window, and several."""
    heard(Ast("ast-tiny", (1, 2)).untrained(means), sound(seconds), 16_000, 1e-3)


@pytest.mark.parametrize(("rate", "wanted"), [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (11_025, 8_000)])
def test_resampling(rate: int, wanted: int) -> None:
    for samples in (997, 4410):
        audio = RNG.normal(size=(1, samples)).astype(np.float32)
        found = Resampled(rate, wanted)(torch.from_numpy(audio)).numpy()
        np.testing.assert_allclose(found, resampled(audio, rate, wanted), atol=2e-6)


@pytest.mark.parametrize("low", [0.0, 50.0, 200.0, 9000.0])
def test_high_pass(low: float) -> None:
    audio = RNG.normal(size=(1, 20_000)).astype(np.float32) + 1
    found = HighPassed(16_000, low)(torch.from_numpy(audio))[0].numpy()
    np.testing.assert_allclose(found, high_passed(audio[0], 16_000, low), atol=1e-6)


def test_a_filter_that_rings_too_long_is_refused() -> None:
    with pytest.raises(GensupError, match=r"frontend.high_pass.*at most 16384 samples"):
        HighPassed(48_000, 0.5)
