"""One small machine, its twin set and its run, made once for all tests of the steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.steps.synthesize import Settings, synthesize
from gensup.steps.tune import Tuning, tune
from tests.support import sounds

SETTINGS = Settings(pairs=5, severities=(0.5, 2.0), seed=3)
SEEDED = Settings(seed=3)  # for tuning with a set that is given


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DCASE-shaped folder of a machine "fan": 14 training clips (3 target), 6 test clips."""
    return sounds.machine(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def twins(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished twin set of it."""
    out = tmp_path_factory.mktemp("sets") / "twins"
    synthesize(data, "fan", out, settings=SETTINGS, workers=1)
    return out


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe small enough for tests: 3 x 3 configurations of 24 bands."""
    folder = tmp_path_factory.mktemp("detectors")
    (folder / "small.yaml").write_text(
        "name: small\npaper: {cite: tests}\nfrontend: {kind: log-mel, n_fft: 256, hop: 128, n_mels: 24}\n"
        "pooling: {kind: gwrp, decay: 1.0}\nbackend: {kind: gmm, n_components: 1}\n"
        "space: {pooling.decay: [0.0, 0.8, 1.0], backend.n_components: [1, 2, 8]}\n"
    )
    return folder


@pytest.fixture(scope="session")
def tuned(data: Path, twins: Path, overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    """A finished run on that set."""
    out = tmp_path_factory.mktemp("runs") / "run"
    return tune(
        data,
        "fan",
        out,
        synthetic=[twins],
        settings=SEEDED,
        detectors=["small"],
        detectors_overlay=overlay,
        workers=1,
    )
