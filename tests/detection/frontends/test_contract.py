"""What every frontend of the registry promises: trained, pretrained, looked up or computed."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from gensup.audio.files import fingerprint
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.parts import FRONTENDS, STATE, Frontend
from gensup.errors import GensupError
from tests.detection.conftest import N

SPECTRUM = {"n_fft": 256, "hop": 128, "n_mels": 16}
SMALL: dict[str, dict[str, Any]] = {
    "ast": {"checkpoint": "ast-tiny", "layers": (2,)},
    "autoencoder": {**SPECTRUM, "width": 8, "bottleneck": 2, "steps": 2, "batch": 16},
    "beats": {"checkpoint": "tiny", "layers": (1,)},
    "beats-lora": {
        "checkpoint": "tiny", "rank": 2, "dim": 4, "seconds": 0.5, "centres": 2, "steps": 1, "batch": 4, "warm_up": 0,
        "pseudo": "none",
    },
    "clap": {"checkpoint": "clap-tiny"},
    "hubert": {"checkpoint": "hubert-tiny", "layers": (2,)},
    "log-mel": SPECTRUM,
    "precomputed": {"table": "features.safetensors"},
    "seresnet": {**SPECTRUM, "width": 2, "dim": 4, "steps": 1, "batch": 4, "seconds": 0.5, "pseudo": "none"},
    "ssl4asd": {"steps": 1, "batch": 4, "centres": 2, "seconds": 1.0, "width": 8, "dim": 4},
    "wav2vec2": {"checkpoint": "wav2vec2-tiny", "layers": (2,)},
    "wavlm": {"checkpoint": "wavlm-tiny", "layers": (2,)},
}  # fmt: skip


@pytest.mark.parametrize("kind", FRONTENDS.names())
def test_the_contract(kind: str, clips: Examples, weights: Path, tmp_path: Path) -> None:
    normals = replace(clips.take(range(N)), label=tuple(f"speed {i % 2}" for i in range(N)))
    means = Means(weights=weights, device="cpu")
    if kind == "precomputed":
        rows = {fingerprint(ref.read()): np.array([i, 1.0], np.float32) for i, ref in enumerate(normals.audio)}
        save_file(rows, tmp_path / "features.safetensors")
        means = replace(means, weights=tmp_path)
    frontend: Frontend = FRONTENDS.load(kind)(**SMALL[kind])
    assert (frontend.name, frontend.version) >= (kind, 1)
    one, audio = frontend.ready(normals, means, seed=1), normals.audio[0].read()
    x = one.tokens(audio, 8000).x
    assert x.dtype == np.float32
    assert x.ndim == 3
    assert min(x.shape) > 0
    assert np.isfinite(x).all()
    np.testing.assert_array_equal(one.tokens(audio, 8000).x, x)
    assert np.ptp(one.tokens(normals.audio[1].read(), 8000).x - x) > 0  # it tells clips apart
    # The same seed trains the same, and only what is trained hears the seed.
    again = frontend.ready(normals, means, seed=1)
    assert again.fingerprint == one.fingerprint
    np.testing.assert_array_equal(again.tokens(audio, 8000).x, x)
    assert (frontend.ready(normals, means, seed=2).fingerprint != one.fingerprint) == frontend.trained
    # It travels to workers, and into a detector's file and back.
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).tokens(audio, 8000).x, x)
    file = tmp_path / "model.safetensors"
    save_file({f"{STATE}{name}": np.ascontiguousarray(array) for name, array in one.state().items()}, file)
    restored = frontend.restore(file, means)
    assert restored.fingerprint == one.fingerprint
    np.testing.assert_array_equal(restored.tokens(audio, 8000).x, x)
    # Its cost is asked without training.
    assert frontend.untrained(means).n_parameters >= one.n_parameters  # of 16 kHz, where a size depends on the rate
    # A clip shorter than a frame is refused, or repeated up to the length that the network hears.
    if "seconds" in SMALL[kind]:
        assert one.tokens(audio[:, :3], 8000).x.shape == x.shape
    else:
        with pytest.raises(GensupError):
            one.tokens(audio[:, :3], 8000)
