"""Networks through the commands that a user calls: pretrained ones, trained ones, and pairs with a generator."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gensup.cli.app import app
from gensup.detection.conversion import convert
from gensup.detection.detector import load
from gensup.detection.embedding import Embedding
from gensup.steps.fit import fit
from gensup.steps.limits import Limits
from gensup.steps.score import score
from gensup.steps.synthesize import Settings, synthesize
from gensup.steps.tune import Choosing, tune
from gensup.store.run import read_run
from tests.steps.conftest import SEEDED
from tests.support import checkpoints

PRETRAINED = """
name: pretrained
paper: {cite: tests}
frontend: {kind: beats, checkpoint: tiny, layers: [0], seconds: 0.5}
pooling: {kind: mean, over: time}
backend: {kind: knn, metric: cosine}
space: {frontend.layers: [[0], [1, 2]], pooling.over: [time, both, frequency]}
"""
LEARNT = """
name: learnt
paper: {cite: tests}
train_on: all
frontend: {kind: seresnet, seconds: 0.5, fmin: 50.0, n_fft: 256, hop: 128, n_mels: 16, dim: 4, width: 2, steps: 1,
  batch: 4, pseudo: none}
pooling: {kind: mean}
backend: {kind: knn}
"""
REBUILT = """
name: rebuilt
paper: {cite: tests}
frontend: {kind: autoencoder, n_fft: 256, hop: 128, n_mels: 8, width: 4, bottleneck: 2, steps: 1, batch: 64}
pooling: {kind: mean}
backend: {kind: value}
space: {frontend.steps: [1, 2], frontend.width: [4, 64]}
"""
ANOPATCH = """
name: anopatch
paper: {cite: tests}
frontend: {kind: beats-lora, checkpoint: tiny, adaptation: full, dim: 4, seconds: 0.5, steps: 1, batch: 4, warm_up: 0}
pooling: {kind: mean}
backend: {kind: knn}
space: {backend.k: [1, 2]}
"""


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detectors")
    for text in (PRETRAINED, LEARNT, REBUILT, ANOPATCH):
        (folder / f"{text.split()[1]}.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def hisses(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of few twins: networks are slow."""
    out = tmp_path_factory.mktemp("sets") / "hisses"
    settings = Settings(pairs=3, severities=(1.0,), faults=("hiss",), nuisances=False, seed=3)
    synthesize(data, "fan", out, settings=settings, workers=1)
    return out


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    convert(checkpoints.beats(root / "pt" / "tiny.pt"), root, trust=True, licence="none")
    return root


def test_a_pretrained_network(
    data: Path, hisses: Path, recipes: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    whole = Embedding.tokens
    monkeypatch.setattr(Embedding, "tokens", lambda *given: heard.append(given[1].tobytes()) or whole(*given))
    how = {"detectors_overlay": recipes, "weights": weights, "device": "cpu", "workers": 1}
    fit(data, "fan", "pretrained", tmp_path / "d", values={"frontend.layers": [1, 2]}, **how)  # type: ignore[arg-type]
    assert len(heard) == len(set(heard)) > 10  # for the threshold and for the fit, each clip once
    del how["detectors_overlay"]
    scored = score(tmp_path / "d", [data / "fan" / "test"], **how)  # type: ignore[arg-type]
    assert len(scored) == 6
    assert np.isfinite([row.score for row in scored]).all()
    done = tune(
        data, "fan", tmp_path / "run", synthetic=[hisses], settings=SEEDED, detectors=["pretrained"],
        detectors_overlay=recipes, **how,
    )  # fmt: skip
    assert sorted(trial.params["frontend.layers"] for trial in done.table.trials) == 3 * [[0]] + 3 * [[1, 2]]
    assert np.isfinite(done.table.scores).all()
    assert len(np.unique(done.table.scores, axis=0)) == 6


def test_trained_by_one_command_for_another(data: Path, recipes: Path, tmp_path: Path) -> None:
    def said(*words: object) -> dict:
        more = ["--detectors", recipes, "--device", "cpu", "--workers", 1, "--json"]
        done = CliRunner().invoke(app, [str(word) for word in (*words, *more)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    trained = said("train", data, "--detector", "learnt", "--set", "frontend.steps=2", "--out", tmp_path / "front")
    assert trained["params"]["frontend.steps"] == 2
    assert sorted(path.name for path in (tmp_path / "front").iterdir()) == [
        "frontend.json", "frontend.safetensors", "run.json",
    ]  # fmt: skip
    words = "fit", data, "--machine", "fan", "--detector", "learnt", "--set", "frontend.steps=2"
    said(*words, "--frontend", tmp_path / "front", "--out", tmp_path / "d")
    assert load(tmp_path / "d").frontend.n_parameters > 0  # type: ignore[union-attr]
    assert len(score(tmp_path / "d", [data / "fan" / "test"], workers=1)) == 6


def test_limits_of_a_trained_network(data: Path, hisses: Path, recipes: Path, tmp_path: Path) -> None:
    """What is beyond them is never trained; what finished trainings could be continued from is gone in the end."""
    choosing = Choosing(limits=Limits.parsed(["parameters=2000"]))
    done = tune(
        data, "fan", tmp_path / "run", synthetic=[hisses], settings=SEEDED, detectors=["rebuilt"], choosing=choosing,
        detectors_overlay=recipes, device="cpu", workers=1,
    )  # fmt: skip
    widths = {trial.params["frontend.width"] for trial in done.table.trials}
    assert widths == {4}
    kept = [path.name for path in (tmp_path / "run" / "frontends").iterdir()]
    assert all(name.endswith(".safetensors") for name in kept)
    assert len(kept) > 2 * 5  # folds, and the chosen one on all clips


def test_pairs_choose_by_a_set_that_is_given(
    data: Path, hisses: Path, recipes: Path, weights: Path, tmp_path: Path
) -> None:
    how = {"synthetic": [hisses], "settings": SEEDED, "detectors_overlay": recipes, "weights": weights, "workers": 1}
    done = tune(data, "fan", tmp_path / "a", detectors=["gen-anopatch"], device="cpu", **how)  # type: ignore[arg-type]
    assert {trial.recipe for trial in done.table.trials} == {"gen-anopatch"}
    assert np.isfinite(done.table.scores).all()
    few = tune(
        data, "fan", tmp_path / "b", detectors=["fs-twfr-gmm"], choosing=Choosing(trials=3), **how,  # type: ignore[arg-type]
    )  # fmt: skip
    assert len(few.table.trials) >= 3
    assert read_run(tmp_path / "b")["verdict"]["form"]  # type: ignore[index,call-overload]
