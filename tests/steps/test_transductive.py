"""A recipe whose scores depend on the clips that are scored together: marked wherever it is named, no single clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.detection.detector import load
from gensup.errors import GensupError
from gensup.selection.sentence import describe
from gensup.steps.fit import fit
from gensup.steps.score import score
from gensup.steps.tune import tune
from tests.steps.conftest import SEEDED


@pytest.fixture(scope="module")
def recipes(overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detectors")
    (folder / "small.yaml").write_text((overlay / "small.yaml").read_text() + "transductive: true\n")
    return folder


def test_no_single_clip(data: Path, recipes: Path, tmp_path: Path) -> None:
    fit(data, "fan", "small", tmp_path / "d", detectors_overlay=recipes, workers=1)
    assert load(tmp_path / "d").transductive
    clips = sorted((data / "fan" / "test").iterdir())
    with pytest.raises(GensupError, match="cannot score a single clip"):
        score(tmp_path / "d", clips[:1], workers=1)
    assert len(score(tmp_path / "d", clips, workers=1)) == 6


def test_marked(data: Path, twins: Path, recipes: Path, tmp_path: Path) -> None:
    done = tune(
        data, "fan", tmp_path / "run", synthetic=[twins], settings=SEEDED, detectors=["small"],
        detectors_overlay=recipes, workers=1,
    )  # fmt: skip
    assert all(trial.transductive for trial in done.table.trials)
    assert describe(done.table.trials[0]).startswith("small [transductive]")
    assert "small [transductive]" in done.report.read_text()
    assert load(done.detector).transductive
