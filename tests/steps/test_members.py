"""A recipe with members, fitted; and the three lines of detectors/README.md, which score a clip with it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import gensup
from gensup.detection.detector import load
from gensup.detection.fusion import Fusion
from gensup.errors import GensupError
from gensup.steps.candidates import Candidates

README = Path(__file__).resolve().parents[2] / "detectors" / "README.md"
SMALL = "frontend: {kind: log-mel, n_fft: 256, hop: 128, n_mels: 8}\n"
HEARD = "frontend: {kind: log-mel, n_fft: 256, hop: 128, n_mels: 8}\n"
RECIPES = {
    "soft": f"backend: {{kind: mahalanobis}}\npooling: {{kind: mean}}\n{SMALL}",
    "near": f"backend: {{kind: knn}}\npooling: {{kind: max}}\n{SMALL}",
    "both": "members: [soft, near]\n",
    "more": "members: [both, near]\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve normal clips of a fan, recipes, and a clip with a tone."""
    root = tmp_path_factory.mktemp("members")
    rng = np.random.default_rng(8)
    (root / "data" / "fan" / "train" / "normal").mkdir(parents=True)
    for i in range(12):
        soundfile.write(root / "data" / "fan" / "train" / "normal" / f"{i:02d}.wav", 0.1 * rng.normal(size=4000), 16000)
    tone = 0.4 * np.sin(np.arange(4000) / 3)
    soundfile.write(root / "clip.wav", 0.1 * rng.normal(size=4000) + tone, 16000)
    (root / "recipes").mkdir()
    for name, parts in RECIPES.items():
        (root / "recipes" / f"{name}.yaml").write_text(f"name: {name}\npaper: {{cite: me}}\n{parts}")
    gensup.fit(root / "data", "fan", "more", root / "detector", detectors_overlay=root / "recipes", workers=1)
    return root


def test_the_mean_of_means(place: Path) -> None:
    detector = load(place / "detector")
    assert isinstance(detector, Fusion)
    assert detector.description.startswith("mean of (mean of (")
    assert [one.recipe for one in detector.chains()] == ["soft", "near"]  # each once
    inner, near = detector.members
    assert isinstance(inner, Fusion)
    assert near is inner.members[1]


def test_three_lines_score_a_clip(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", README.read_text(), re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 3
    monkeypatch.chdir(place)
    exec(code, {})
    score, anomalous = capsys.readouterr().out.split()
    assert float(score) > load(place / "detector").threshold
    assert anomalous == "True"


def test_what_stands_there_is_known_again(place: Path) -> None:
    again = {"detectors_overlay": place / "recipes", "workers": 1}
    gensup.fit(place / "data", "fan", "more", place / "detector", **again)  # type: ignore[arg-type]
    with pytest.raises(GensupError, match="another detector stands here"):
        gensup.fit(place / "data", "fan", "near", place / "detector", **again)  # type: ignore[arg-type]
    with pytest.raises(GensupError, match="no parts"):
        gensup.fit(place / "data", "fan", "both", place / "d", values={"backend.k": 2}, **again)  # type: ignore[arg-type]


def test_members_compete_in_a_tuning(place: Path) -> None:
    found = Candidates.of(["more"], place / "recipes")
    assert set(found.recipe_of.values()) == {"soft", "near"}
