"""The autoencoder learns what is normal: its error falls, and what hisses is further off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gensup.detection.bands import power_mel
from gensup.detection.examples import Examples
from gensup.detection.frontends.autoencoder import AutoEncoding
from gensup.detection.learnt import Learnt
from gensup.detection.means import Means
from gensup.detection.networks.autoencoder import AutoEncoder
from gensup.detection.residuals import inverses
from gensup.errors import GensupError
from gensup.metrics import auc
from tests.detection.conftest import N

TINY = AutoEncoding(n_fft=256, hop=128, n_mels=16, width=16, bottleneck=4, steps=600, batch=32, rate=1e-2)
CPU = Means(device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


def scores(front: Learnt, clips: Examples) -> np.ndarray:
    return np.array([front.tokens(ref.read(), ref.rate).x.mean() for ref in clips.audio])


def half(clips: Examples) -> Examples:
    return clips.take(np.arange(N // 2))


def test_its_error_falls_and_a_hiss_is_further_off(clips: Examples, folder: Path) -> None:
    held_out, hissing = clips.take(np.arange(N // 2, N)), clips.take(np.arange(N, 2 * N))
    early = replace(TINY, steps=20).ready(half(clips), replace(CPU, folder=folder), 1)
    late = TINY.ready(half(clips), replace(CPU, folder=folder), 1)
    assert scores(late, held_out).mean() < 0.2 * scores(early, held_out).mean()
    far, near = scores(late, hissing), scores(late, held_out)
    assert auc(near, far) > 0.95


@pytest.mark.parametrize("form", ["mahalanobis-paper", "mahalanobis-code"])
def test_mahalanobis_is_of_the_residuals_of_what_it_was_trained_on(clips: Examples, folder: Path, form: str) -> None:
    domains = np.arange(N // 2) >= 4
    normals = replace(half(clips), target_domain=domains)
    front = replace(TINY, residual=form, steps=40)  # type: ignore[arg-type]
    made = front.ready(normals, replace(CPU, folder=folder), 1)
    network = AutoEncoder(16 * 5, 16, 4)
    state = made.state()
    network.load_state_dict({k: torch.from_numpy(np.asarray(v)) for k, v in state.items() if "layers" in k})
    network.eval()

    def residuals(ref: object) -> np.ndarray:
        mel = power_mel(ref.read()[0], ref.rate, n_fft=256, hop=128, n_mels=16)  # type: ignore[attr-defined]
        x = torch.from_numpy(np.stack([mel[i : i + 5].reshape(-1) for i in range(len(mel) - 4)]))
        return np.asarray((x - network(x)).detach().numpy())

    each = [residuals(ref) for ref in normals.audio]
    of = np.concatenate([np.full(len(x), d) for x, d in zip(each, domains, strict=True)])
    source, target = inverses(np.concatenate(each), of, form, 16, 32)  # type: ignore[arg-type]
    np.testing.assert_allclose(state["source"], source, rtol=1e-4, atol=1e-6 * np.abs(source).max())
    np.testing.assert_allclose(state["target"], target, rtol=1e-4, atol=1e-6 * np.abs(target).max())
    x = residuals(clips.audio[N]).astype(float)
    if form == "mahalanobis-paper":
        wanted = np.mean([min(r @ p @ r for p in (source, target)) / 80 for r in x])
    else:
        rows = x.reshape(-1, 16)
        wanted = min((rows @ p @ rows.T).mean() for p in (source, target))
    found = made.tokens(clips.audio[N].read(), clips.audio[N].rate).x
    assert found.shape == ((len(x), 1, 1) if form == "mahalanobis-paper" else (1, 1, 1))
    np.testing.assert_allclose(found.mean(), wanted, rtol=1e-3)
    assert made.n_parameters == front.untrained(CPU).n_parameters


def test_the_score_makes_no_other_training(clips: Examples, tmp_path: Path) -> None:
    for form in ("mse", "mahalanobis-paper", "mahalanobis-code"):
        replace(TINY, steps=3, residual=form).ready(half(clips), replace(CPU, folder=tmp_path), 1)  # type: ignore[arg-type]
    assert len(list(tmp_path.glob("training-*"))) == 1
    assert len(list(tmp_path.glob("*.safetensors"))) == 3


def test_a_clip_of_fewer_frames_than_a_vector_is_refused(clips: Examples) -> None:
    long = replace(TINY, frames=500, steps=1)
    with pytest.raises(GensupError, match=r"0\.wav.*too short"):
        long.ready(half(clips), CPU, 1)
    with pytest.raises(GensupError, match="too short"):
        long.untrained(CPU).tokens(clips.audio[0].read(), clips.audio[0].rate)
