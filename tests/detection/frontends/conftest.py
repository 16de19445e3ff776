"""A folder of weights of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.detection import pretrained
from gensup.detection.conversion import convert
from gensup.detection.means import Means
from tests.support import checkpoints


@pytest.fixture(scope="package")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BEATs as "tiny", and a folder of every other kind."""
    root = tmp_path_factory.mktemp("weights")
    convert(checkpoints.beats(root / "pt" / "tiny.pt"), root, trust=True, licence="none")
    for kind in ("wav2vec2", "hubert", "wavlm"):
        checkpoints.samples_model(root / f"{kind}-tiny", kind)
    checkpoints.ast(root / "ast-tiny", 2.0)
    checkpoints.clap(root / "clap-tiny")
    return root


@pytest.fixture
def means(weights: Path) -> Means:
    return Means(weights=weights, device="cpu")


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test gets a model that another loaded."""
    monkeypatch.setattr(pretrained, "_loaded", pretrained._Loaded())
