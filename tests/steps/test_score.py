"""Scoring and refitting where a fusion stands: it is a detector like any other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gensup.audio.files import AudioRef
from gensup.cli.app import app
from gensup.detection.chain import Wanted, fit_many
from gensup.detection.detector import load
from gensup.detection.examples import Examples
from gensup.detection.fusion import fuse
from gensup.detection.recipe import load as load_recipe
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.steps.alarms import NormalScores
from gensup.steps.fit import fit
from gensup.steps.score import score
from tests.support import sounds


@pytest.fixture(scope="module")
def fusion(data: Path, overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fusion of three small configurations."""
    paths = sorted((data / "fan" / "train").iterdir())
    clips = Examples(
        audio=tuple(AudioRef(path, sounds.RATE, 0) for path in paths),
        key=tuple(path.name for path in paths),
        group=("fan/00",) * len(paths),
    )
    recipe = load_recipe("small", overlay)
    rng = np.random.default_rng(0)
    wanted = [
        Wanted("small", recipe.with_values({"pooling.decay": decay}), rng.normal(size=len(paths)))
        for decay in (0.0, 0.8, 1.0)
    ]
    members = fit_many(Inline(), wanted, recipe.group_by, clips, machine="fan")
    folder = tmp_path_factory.mktemp("detectors") / "fusion"
    fuse("mean", members, [one.held_out for one in wanted])[0].save(folder)
    return folder


def test_a_fusion_scores_clips(fusion: Path, data: Path, tmp_path: Path) -> None:
    scored = score(fusion, [data / "fan" / "test"], decisions=tmp_path / "d.csv", normalised=True, workers=1)
    raw = score(fusion, [data / "fan" / "test"], workers=1)
    assert min(s.score for s in raw if "anomaly" in s.name) > max(s.score for s in raw if "normal" in s.name)
    held = load(fusion).held_out
    np.testing.assert_allclose([s.score for s in scored], NormalScores.of(held).cdf([s.score for s in raw]))
    assert [s.anomalous for s in raw] == [s.anomalous for s in scored] == [s.score > held.threshold for s in raw]


def test_no_output_replaces_a_members_file(fusion: Path, data: Path) -> None:
    member = next((fusion / "members").iterdir()) / "detector.json"
    with pytest.raises(GensupError, match="this file is the detector's"):
        score(fusion, [data / "fan" / "test"], out=member, workers=1)


def test_fit_leaves_a_fusion_alone(fusion: Path, data: Path, overlay: Path) -> None:
    with pytest.raises(GensupError, match=r"another detector stands here.*mean of \(3 small\) of fan"):
        fit(data, "fan", "small", fusion, detectors_overlay=overlay, workers=1)


def test_decisions_at_a_rate_of_false_alarms(fusion: Path, data: Path, tmp_path: Path) -> None:
    clips = data / "fan" / "test"
    raw = score(fusion, [clips], workers=1)
    values = np.array([one.score for one in raw])
    own = shutil.copytree(fusion, tmp_path / "own")
    said = json.loads((own / "detector.json").read_text())
    said["held_out"] = {"mean": values.mean(), "sd": values.std(), "threshold": values.max() + 1}
    (own / "detector.json").write_text(json.dumps(said))
    normals = NormalScores.of(load(own).held_out)
    share = 1 - float(normals.cdf((values.min() + values.max()) / 2))
    outputs = ["--out", str(tmp_path / "s.csv"), "--decisions", str(tmp_path / "d.csv")]
    words = ["score", str(own), str(clips), *outputs, "--false-alarms", repr(share), "--workers", "1"]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    flags = [row[-1] for row in (tmp_path / "d.csv").read_text().splitlines()]
    assert flags == [str(int(value > normals.threshold(share))) for value in values]
    assert set(flags) == {"0", "1"}
    for wrong in (0.0, 1.0, float("nan")):
        with pytest.raises(GensupError, match="--false-alarms: no rate of false alarms"):
            score(own, [clips], false_alarms=wrong, workers=1)
