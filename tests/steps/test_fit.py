"""fit on poor recordings: no target domain, one clip, fewer neighbours than k; and options that contradict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gensup.errors import GensupError
from gensup.steps.fit import fit
from gensup.steps.score import score
from gensup.store import RunLock
from tests.support import sounds

CHAIN = """
name: own
paper: {{cite: tests}}
frontend: {{kind: log-mel, n_fft: 256, hop: 128, n_mels: 16}}
pooling: {{kind: mean}}
{parts}
"""


def recipes(folder: Path, parts: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "own.yaml").write_text(CHAIN.format(parts=parts))
    return folder


@pytest.fixture(scope="module")
def source_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.machine(tmp_path_factory.mktemp("source"), train=10, target=0)


@pytest.mark.parametrize(
    "parts",
    [
        "backend: {kind: knn, k: 2}\nnormalise: {kind: domain-minimum, scale: own}",
        "backend: {kind: knn, k: 2}\nnormalise: {kind: z-score}",
        "backend: {kind: local-density, k: 2, k_target: 3}",
        "resample: {kind: smote, at: embedding}\nbackend: {kind: mahalanobis}",
        "resample: {kind: smote, at: waveform}\nbackend: {kind: gmm, n_components: 1}",
        "resample: {kind: mem-mixup}\nbackend: {kind: knn}",
    ],
)
def test_no_clip_of_the_target_domain(source_only: Path, tmp_path: Path, parts: str) -> None:
    done = fit(source_only, "fan", "own", tmp_path / "d", detectors_overlay=recipes(tmp_path / "r", parts), workers=1)
    assert np.isfinite(done.threshold)
    found = score(tmp_path / "d", [source_only / "fan" / "test"], workers=1)
    assert len(found) == 6
    # Hissing clips stand above the others, also without a second domain to compare with.
    hissing = [one.score for one in found if "anomaly" in one.name]
    assert min(hissing) > np.median([one.score for one in found if "normal" in one.name])


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ("backend: {kind: knn, k: 50}", "50"),
        ("backend: {kind: local-density, k: 50}", "5"),
        ("backend: {kind: knn, k: 6}\nnormalise: {kind: z-score}", "a fold has"),
        ("backend: {kind: gmm, n_components: 9}", "9"),
    ],
)
def test_fewer_neighbours_than_k(source_only: Path, tmp_path: Path, parts: str, why: str) -> None:
    few = tmp_path / "few"
    for path in sorted((source_only / "fan" / "train").iterdir())[:8]:
        (few / "fan" / "train").mkdir(parents=True, exist_ok=True)
        (few / "fan" / "train" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(GensupError, match="too few normal clips") as error:
        fit(few, "fan", "own", tmp_path / "d", detectors_overlay=recipes(tmp_path / "r", parts), workers=1)
    assert why in str(error.value)


def test_one_clip(tmp_path: Path, overlay: Path) -> None:
    clip = tmp_path / "data" / "fan" / "train" / "section_00_source_train_normal_0000.wav"
    sounds.write(clip, sounds.hum(1))
    with pytest.raises(GensupError, match="too few normal clips"):
        fit(tmp_path / "data", "fan", "small", tmp_path / "d", detectors_overlay=overlay, workers=1)


def test_a_frontend_for_a_recipe_that_trains_none(data: Path, overlay: Path, tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="no trained frontend here"):
        fit(data, "fan", "small", tmp_path / "d", detectors_overlay=overlay, frontend=tmp_path, workers=1)


def test_what_a_killed_fit_leaves_is_not_in_the_way(data: Path, overlay: Path, tmp_path: Path) -> None:
    (tmp_path / "d" / "training").mkdir(parents=True)
    done = fit(data, "fan", "small", tmp_path / "d", detectors_overlay=overlay, workers=1)
    assert done.recipe == "small"
    assert not (tmp_path / "d" / "training").exists()
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "thesis.txt").write_text("mine")
    with pytest.raises(GensupError, match="something else"):
        fit(data, "fan", "small", tmp_path / "e", detectors_overlay=overlay, workers=1)


def test_one_writer_a_folder(data: Path, overlay: Path, tmp_path: Path) -> None:
    with RunLock(tmp_path / "d"), pytest.raises(GensupError, match="another gensup is writing here"):
        fit(data, "fan", "small", tmp_path / "d", detectors_overlay=overlay, workers=1)
    assert not any((tmp_path / "d").iterdir())
    (tmp_path / "d" / ".lock").write_text("{}")  # of a fit that was killed
    fit(data, "fan", "small", tmp_path / "d", detectors_overlay=overlay, workers=1)
    assert {path.name for path in (tmp_path / "d").iterdir()} == {"detector.json", "model.safetensors"}
