"""Twelve small clips and their hissing copies, for all tests of detectors."""

from __future__ import annotations

import pytest

from gensup.audio.files import AudioRef
from gensup.detection.examples import Examples
from gensup.detection.recipe import load
from tests.support import sounds

N = 12
SMALL = {"frontend.n_fft": 256, "frontend.hop": 128, "frontend.n_mels": 16}


def params(decay: float, k: int, **values: object) -> dict:
    """A small configuration of the published recipe."""
    return load("twfr-gmm").with_values({**SMALL, "pooling.decay": decay, "backend.n_components": k, **values})


@pytest.fixture(scope="package")
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
