"""Selection on score files of any detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gensup.errors import GensupError
from gensup.steps.select import select
from gensup.store import read_manifest


def write(twins: Path, folder: Path, name: str, ear: float, *, whole_path: bool = False, seed: int = 0) -> Path:
    """Scores of a detector that hears a fault of severity s at ``ear * s`` above unit noise."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    rows = [
        (str(row["file_name"]) if whole_path else Path(str(row["file_name"])).name)
        + f",{rng.standard_normal() + ear * float(row['severity'])}\n"
        for row in read_manifest(twins / "metadata.jsonl")
    ]
    path = folder / f"anomaly_score_{name}.csv"
    path.write_text("".join(rows))
    return path


@pytest.fixture
def scores(twins: Path, tmp_path: Path) -> Path:
    # The same noise for all: with four normal twins, luck would part them further than their ears do.
    for name, ear in {"deaf": 0.0, "dull": 0.4, "fair": 0.8, "keen": 3.0}.items():
        write(twins, tmp_path / "scores", name, ear, whole_path=name == "fair")
    return tmp_path / "scores"


def test_the_keenest_is_chosen_by_names_or_by_paths(twins: Path, scores: Path) -> None:
    verdict = select(twins, [scores])
    assert verdict.answer in ("select", "hedge")
    assert verdict.members == ("keen",)
    assert [name for name, _ in verdict.ranking][-1] == "deaf"


def test_held_out_normals_join_the_negatives(twins: Path, scores: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.mkdir()
    for path in scores.iterdir():
        # Normal recordings that the keen one, and nobody else, takes for anomalies.
        high = 99.0 if "keen" in path.name else 0.0
        (held / path.name).write_text("".join(f"normal{i}.wav,{high + i / 100}\n" for i in range(40)))
    assert select(twins, [scores], held_out=held).members != ("keen",)


def test_one_candidate_is_answered_and_none_is_refused(twins: Path, scores: Path, tmp_path: Path) -> None:
    verdict = select(twins, [scores / "anomaly_score_keen.csv"])
    assert (verdict.answer, verdict.members) == ("default", ())
    assert "There is one candidate, so there is nothing to choose between." in verdict.sentence
    (tmp_path / "none").mkdir()
    with pytest.raises(GensupError, match=r"none.*no candidates.*check the path"):
        select(twins, [tmp_path / "none"])


def test_a_candidate_whose_scores_are_not_finite_has_failed(twins: Path, scores: Path) -> None:
    def spoil(path: Path, value: str) -> None:
        text = path.read_text()
        path.write_text(text.replace(text.split("\n", 1)[0].split(",")[1], value))

    whole = sorted(scores.glob("*.csv"))
    expected = select(twins, whole[1:])
    spoil(whole[0], "nan")
    found = select(twins, [scores])
    assert found.ranking == expected.ranking
    assert f"1 of {len(whole)} candidates failed: scores that are not finite count nowhere." in found.sentence
    for path in whole:
        spoil(path, "inf")
    with pytest.raises(GensupError, match=r"no candidate has a finite score.*score the set again"):
        select(twins, [scores])


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda text: "name,score\n" + text, r"keen\.csv:1.*without a header"),
        (lambda text: text.split("\n", 1)[1], "has no score"),
        (lambda text: text + text.split("\n", 1)[0] + "\n", "scored twice"),
    ],
)
def test_damaged_score_files_are_named(twins: Path, scores: Path, damage, word: str) -> None:
    path = scores / "anomaly_score_keen.csv"
    path.write_text(damage(path.read_text()))
    with pytest.raises(GensupError, match=word):
        select(twins, [scores])


def test_without_evidence_nothing_is_chosen(twins: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        path = write(twins, tmp_path / "constant", name, 0.0)
        path.write_text("".join(line.split(",")[0] + ",1.0\n" for line in path.read_text().splitlines()))
    verdict = select(twins, [tmp_path / "constant"])
    assert verdict.answer == "default"
    assert verdict.members == ()
    assert "Nothing is chosen" in verdict.sentence
