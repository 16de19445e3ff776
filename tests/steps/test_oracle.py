"""The oracle: labelled clips are found, counted once each, and scored; without a verdict none is looked at."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import gensup
from gensup.errors import GensupError
from gensup.steps.fit import fit
from gensup.steps.oracle import oracle
from gensup.steps.score import score
from gensup.steps.synthesize import Settings
from gensup.steps.tune import Tuning, tune
from gensup.store import sha256_file
from tests.support import sounds


@pytest.fixture
def out(tuned: Tuning, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(tuned.out, tmp_path / "run"))


@pytest.fixture
def root(data: Path, tmp_path: Path) -> Path:
    """The recordings, with test clips that are hard to tell apart, of both domains."""
    root = Path(shutil.copytree(data, tmp_path / "data"))
    shutil.rmtree(root / "fan" / "test")
    for i in range(24):
        domain, label = ("target", "source")[i % 2], ("normal", "normal", "anomaly")[i % 3]
        name = f"section_00_{domain}_test_{label}_{i:04d}_spd_1.wav"
        sounds.write(root / "fan" / "test" / name, sounds.hum(3000 + i, hiss=0.012 * (label == "anomaly")))
    return root


class Listener:
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)

    def follow(self, items, total, doing):
        return items


def files(folder: Path) -> dict[str, str]:
    """Every file of a run but those that the oracle writes: path -> sha256."""
    every = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name: sha256_file(path)
        for name, path in every.items()
        if name != "log.jsonl" and not name.startswith("evaluation/")
    }


def test_what_is_written(root: Path, out: Path, overlay: Path, tuned: Tuning) -> None:
    before = files(out)
    listener = Listener()
    found = oracle(root, out, detectors_overlay=overlay, workers=1, progress=listener)
    assert files(out) == before
    text = (out / "evaluation" / "oracle.json").read_text()
    record = json.loads(text)
    assert (record["schema"], record["machine"], record["judge"]) == (1, "fan", "official")
    assert record["candidates"] == found.candidates == len(tuned.table.trials)
    assert record["rows"][0]["figures"]["official"] == found.rows[0].figures.official
    assert [count.normal for count in found.counts] == [16]
    assert listener.said[-len(found.lines()) :] == list(found.lines())
    (out / "evaluation" / "oracle.json").unlink()
    assert oracle(root, out, detectors_overlay=overlay, workers=2) == found
    assert (out / "evaluation" / "oracle.json").read_text() == text


def test_what_was_built_scores_as_it_does_for_anybody(root: Path, out: Path, overlay: Path, tuned: Tuning) -> None:
    found = oracle(root, out, detectors_overlay=overlay, workers=1)
    scored = score(out / "detector", [root / "fan" / "test"], workers=1)
    truth = np.array(["anomaly" in s.name for s in scored])
    values = np.array([s.score for s in scored])
    figures = found.row(tuned.verdict.form).figures
    assert figures.auc == pytest.approx(roc_auc_score(truth, values), abs=1e-12)
    far = truth | np.array(["target" in s.name for s in scored])
    assert figures.auc_target == pytest.approx(roc_auc_score(truth[far], values[far]), abs=1e-12)
    assert figures.auc is not None
    assert 0 < figures.auc < 1


def test_a_candidate_is_fitted_on_all_normal_clips(root: Path, out: Path, overlay: Path, tmp_path: Path) -> None:
    found = oracle(root, out, detectors_overlay=overlay, workers=1)
    fit(root, "fan", "small", tmp_path / "default", detectors_overlay=overlay, workers=1)
    scored = score(tmp_path / "default", [root / "fan" / "test"], workers=1)
    area = roc_auc_score(["anomaly" in s.name for s in scored], [s.score for s in scored])
    assert found.row("default").figures.auc == pytest.approx(area, abs=1e-12)


def test_no_verdict_no_label(root: Path, out: Path, overlay: Path) -> None:
    record = json.loads((out / "run.json").read_text())
    del record["verdict"]
    (out / "run.json").write_text(json.dumps(record))
    for clip in (root / "fan" / "test").iterdir():
        clip.write_bytes(b"garbage")
    with pytest.raises(GensupError, match="no verdict yet"):
        oracle(root, out, detectors_overlay=overlay, workers=1)
    with pytest.raises(GensupError, match="no verdict yet"):
        oracle(root, root, detectors_overlay=overlay, workers=1)
    assert not (out / "evaluation").exists()


def test_a_sound_counts_once_and_never_where_it_was_trained_on(root: Path, out: Path, overlay: Path) -> None:
    plain = oracle(root, out, detectors_overlay=overlay, workers=1)
    test, train = root / "fan" / "test", root / "fan" / "train"
    clips = sorted(test.iterdir())
    shutil.copy(sorted(train.iterdir())[0], test / "section_00_source_test_normal_0900.wav")
    shutil.copy(clips[0], test / clips[0].name.replace("_spd_1", "_spd_2"))
    both = sounds.write(test / "section_00_source_test_normal_0901.wav", sounds.hum(77))
    shutil.copy(both, test / "section_00_source_test_anomaly_0901.wav")
    sounds.write(test / "section_07_source_test_anomaly_0902.wav", sounds.hum(78))
    sounds.write(test / "section_00_0903.wav", sounds.hum(79))  # says no condition
    listener = Listener()
    found = oracle(root, out, detectors_overlay=overlay, workers=1, progress=listener)
    assert found.rows == plain.rows
    assert {name.split("/")[-1]: why for name, why in found.left_out.items()} == {
        "section_00_source_test_normal_0900.wav": "its sound is a training clip's",
        clips[0].name.replace("_spd_1", "_spd_2"): "its sound is another labelled clip's",
        "section_00_source_test_normal_0901.wav": "its sound is labelled normal and anomalous",
        "section_00_source_test_anomaly_0901.wav": "its sound is labelled normal and anomalous",
        "section_07_source_test_anomaly_0902.wav": "no model of its section",
    }
    assert "left out: 1, its sound is a training clip's" in listener.said
    assert "left out: 2, its sound is labelled normal and anomalous" in listener.said


def test_bad_labelled_clips(root: Path, out: Path, overlay: Path) -> None:
    bad = root / "fan" / "test" / "section_00_source_test_normal_0950.wav"
    bad.write_bytes(b"garbage")
    with pytest.raises(GensupError, match="0950"):
        oracle(root, out, detectors_overlay=overlay, workers=1)
    assert not (out / "evaluation").exists()
    found = oracle(root, out, detectors_overlay=overlay, skip_bad=True, workers=1)
    assert list(found.left_out) == ["fan/test/section_00_source_test_normal_0950.wav"]


def test_without_labelled_clips(root: Path, out: Path, overlay: Path) -> None:
    for i, clip in enumerate(sorted((root / "fan" / "test").iterdir())):
        clip.rename(clip.with_name(f"section_00_{i:04d}.wav"))
    with pytest.raises(GensupError, match="no labelled clips"):
        oracle(root, out, detectors_overlay=overlay, workers=1)


def _replaced(train: Path) -> None:
    sounds.write(sorted(train.iterdir())[3], sounds.hum(999))


def _removed(train: Path) -> None:
    sorted(train.iterdir())[3].unlink()


@pytest.mark.parametrize("change", [_replaced, _removed])
def test_other_recordings_than_the_runs(change: Callable[[Path], None], root: Path, out: Path, overlay: Path) -> None:
    change(root / "fan" / "train")
    with pytest.raises(GensupError, match="not the recordings of this run"):
        oracle(root, out, detectors_overlay=overlay, workers=1)


def test_new_training_clips_are_not_fitted_on(root: Path, out: Path, overlay: Path) -> None:
    plain = oracle(root, out, detectors_overlay=overlay, workers=1)
    sounds.write(root / "fan" / "train" / "section_00_source_train_normal_0800_spd_1.wav", sounds.hum(800, hiss=1))
    assert oracle(root, out, detectors_overlay=overlay, workers=1) == plain


def asks_for_labels(text: str) -> bool:
    """Whether a module imports ``labelled`` or everything from metadata, or looks it up in the package.

    A field that is called so, of a record of another room, is none of metadata's.
    """
    nodes = list(ast.walk(ast.parse(text)))
    packages = {"metadata"}  # what the package is called here
    for node in nodes:
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            of_metadata = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gensup.metadata")
            if of_metadata and alias.name in ("labelled", "*"):
                return True
            if alias.name.rpartition(".")[2] == "metadata":
                packages.add(alias.asname or "metadata")
    looked_up = (node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == "labelled")
    return any(getattr(of, "attr", getattr(of, "id", None)) in packages for of in looked_up)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("from gensup.metadata import labelled", True),
        ("from gensup.metadata.roles import labelled as harmless", True),
        ("from gensup.metadata import *", True),
        ("from gensup import metadata\nmetadata.labelled(1)", True),
        ("import gensup.metadata as m\nm.labelled(1)", True),
        ("import gensup.metadata\ngensup.metadata.labelled(1)", True),
        ("from gensup.metadata import scan\nlisting.labelled", False),
    ],
)
def test_who_asks_for_labels_is_seen(text: str, asks: bool) -> None:
    assert asks_for_labels(text) is asks


def test_nobody_else_asks_for_labelled_clips() -> None:
    """``metadata.labelled`` is named by the room that defines it and by the oracle alone; nothing imports by text."""
    package = Path(gensup.__file__).parent
    users = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if asks_for_labels(file.read_text(encoding="utf-8"))
    }
    assert users == {"metadata/__init__.py", "steps/oracle.py"}


def test_own_names_by_a_pattern(overlay: Path, tmp_path: Path) -> None:
    """A run whose clips were read by a pattern has its labelled ones read by it, too."""
    root = tmp_path / "plant"
    for i in range(12):
        sounds.write(root / f"shift{i % 2}" / f"run{i:02d}-ok.wav", sounds.hum(i))
    for i in range(8):
        word, hiss = ("ok", 0.0) if i % 2 else ("bad", 0.5)
        sounds.write(root / "check" / f"run{90 + i}-{word}.wav", sounds.hum(500 + i, hiss=hiss))
    done = tune(
        root,
        "press",
        tmp_path / "run",
        settings=Settings(pairs=5, severities=(0.5, 2.0), faults=("hiss", "hum"), nuisances=False),
        detectors=["small"],
        detectors_overlay=overlay,
        pattern="{split:shift0=train,shift1=train,check=test}/run{index}-{condition:ok=normal,bad=anomaly}.wav",
        oracle=True,
        workers=1,
    )
    assert sum(column.role == "normal" and column.repeat == 0 for column in done.table.columns) == 12
    found = json.loads((done.out / "evaluation" / "oracle.json").read_text())
    assert found["machine"] == "press"
    (count,) = found["counts"]
    assert (count["unsaid"], count["anomaly"]) == (4, 4)


def test_what_labels_said_of_another_verdict_is_forgotten(
    root: Path, data: Path, twins: Path, out: Path, overlay: Path
) -> None:
    """A run may be continued with a larger budget; the page must not judge its new verdict by the old one's rows."""
    oracle(root, out, detectors_overlay=overlay, workers=1)

    def again() -> None:
        tune(
            data, "fan", out, synthetic=[twins], settings=Settings(seed=3), detectors=["small"],
            detectors_overlay=overlay, workers=1,
        )  # fmt: skip

    again()
    assert (out / "evaluation" / "oracle.json").is_file()
    record = json.loads((out / "run.json").read_text())
    record["verdict"]["members"] = record["verdict"]["members"][:1]
    record["verdict"]["sentence"] = "what fewer candidates came to"
    (out / "run.json").write_text(json.dumps(record))
    again()
    assert not (out / "evaluation" / "oracle.json").exists()
