"""From a tuned run to a package that the check takes."""

from __future__ import annotations

import csv
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gensup.detection.detector import load
from gensup.errors import GensupError
from gensup.steps.alarms import threshold_of
from gensup.steps.score import score
from gensup.steps.submit import check_submission, pack, submit
from gensup.steps.tune import Tuning
from tests.support import sounds

LABEL = "Guan_HEU_task2_1"
META = """
submission:
  authors:
  - {lastname: Guan, firstname: Jian, email: jian@example.org, corresponding: true,
     affiliation: {institution: HEU, department: null, location: "Harbin, China"}}
system:
  external_datasets: null
  description: {external_data_usage: null}
  complexity: {training_parameters: 0}
"""


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blind test clips of two sections' worth of names, not in their order on disk."""
    root = tmp_path_factory.mktemp("eval") / "eval_data" / "raw"
    for i in (3, 1, 2, 4):
        sounds.write(root / "fan" / "test" / f"section_00_{i:04d}.wav", sounds.hum(2000 + i, hiss=0.5 * (i % 2)))
    return root.parent


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_scores_decisions_meta_and_zip(tuned: Tuning, tests: Path, tmp_path: Path) -> None:
    done = submit([tuned.out], year=2025, team="Guan_HEU", out=tmp_path / "sub", tests=tests, workers=1)
    folder = tmp_path / "sub" / "task2" / LABEL
    assert sorted(p.name for p in folder.iterdir()) == [
        f"{LABEL}.meta.yaml",
        "anomaly_score_fan_section_00_test.csv",
        "decision_result_fan_section_00_test.csv",
    ]
    scores = list(csv.reader((folder / "anomaly_score_fan_section_00_test.csv").open()))
    decisions = list(csv.reader((folder / "decision_result_fan_section_00_test.csv").open()))
    # The same numbers as `gensup score`, in the order of the names.
    own = {Path(one.name).name: one for one in score(tuned.detector, [tests], workers=1)}
    assert [name for name, _ in scores] == [f"section_00_{i:04d}.wav" for i in (1, 2, 3, 4)]
    assert [float(value) for _, value in scores] == [own[name].score for name, _ in scores]
    assert decisions == [[name, str(int(own[name].score > load(tuned.detector).threshold))] for name, _ in scores]
    assert done.alarms == sum(int(value) for _, value in decisions)
    assert done.tables == {"fan 00": 4}
    with zipfile.ZipFile(done.package) as archive:
        assert done.package.name == "Guan_HEU.zip"
        held = {p.relative_to(tmp_path / "sub").as_posix(): p.read_bytes() for p in folder.iterdir()}
        assert {name: archive.read(name) for name in archive.namelist()} == held
        assert archive.namelist() == sorted(held)


def test_the_meta_says_what_detects_and_what_it_was_made_with(tuned: Tuning, tests: Path, tmp_path: Path) -> None:
    submit([tuned.out], year=2025, team="Guan_HEU", out=tmp_path, tests=tests, workers=1)
    said = YAML(typ="safe").load((tmp_path / "task2" / LABEL / f"{LABEL}.meta.yaml").read_text())
    detector = load(tuned.detector)
    chains = detector.chains() if hasattr(detector, "chains") else (detector,)
    held = sum(a.size for c in chains for model in c.models.values() for a in model.state().values())
    assert said["system"]["complexity"]["total_parameters"] == held
    assert said["system"]["complexity"]["detection_parameters"] == held
    assert said["system"]["description"]["input_sampling_rate"] == f"{sounds.RATE // 1000}kHz"
    assert said["system"]["description"]["acoustic_features"] == "log-mel energies"
    assert said["system"]["description"]["machine_learning_method"] == "GMM"
    assert said["system"]["parameters"]["detection"]["fan"]["threshold"] == detector.threshold
    recipes = said["system"]["parameters"]["training"]["fan"]["recipes"]
    assert [one["values"] for one in recipes] == [dict(chain.params) for chain in chains]
    # The run was given a set: who made its clips is not ours to say.
    assert said["system"]["complexity"]["training_parameters"].startswith("FILL IN")


def test_alarms_at_a_rate_of_false_alarms(tuned: Tuning, tests: Path, tmp_path: Path) -> None:
    few = submit([tuned.out], year=2025, team="Guan_HEU", out=tmp_path, tests=tests, false_alarms=1e-300, workers=1)
    meta = (few.folder / f"{LABEL}.meta.yaml").read_text()
    every = submit(
        [tuned.out], year=2025, team="Guan_HEU", out=tmp_path, tests=tests, false_alarms=1 - 1e-12, workers=1
    )
    assert few.alarms < every.alarms == 4
    (said, other) = (
        YAML(typ="safe").load(text)["system"]["parameters"]["detection"]["fan"]["threshold"]
        for text in (meta, (every.folder / f"{LABEL}.meta.yaml").read_text())
    )
    assert said == threshold_of(load(tuned.detector).held_out, 1e-300) > other


def test_no_byte_depends_on_when_or_where(tuned: Tuning, tests: Path, tmp_path: Path) -> None:
    for out in ("a", "b", "b"):
        submit([tuned.out / "detector"], year=2024, team="Guan_HEU", out=tmp_path / out, tests=tests, workers=1)
    assert everything(tmp_path / "a") == everything(tmp_path / "b")


def test_from_marks_to_a_sound_package(tuned: Tuning, tests: Path, tmp_path: Path) -> None:
    out = tmp_path / "sub"
    done = submit([tuned.out], year=2025, team="Guan_HEU", out=out, tests=tests, workers=1)
    marks = {p.what.split(":")[0] for p in done.to_fill_in}
    assert {"submission.authors.0.lastname", "submission.authors.0.email"} <= marks
    refused = check_submission(out, tests=tests).problems
    assert marks <= {p.what.split(":")[0] for p in refused}
    # Filled in by hand: kept when the system is made again.
    meta = out / "task2" / LABEL / f"{LABEL}.meta.yaml"
    meta.write_text(meta.read_text().replace("'FILL IN: last name'", "Guan"))
    again = submit([tuned.out], year=2025, team="Guan_HEU", out=out, tests=tests, workers=1)
    assert {p.what.split(":")[0] for p in again.to_fill_in} == marks - {"submission.authors.0.lastname"}
    # Given as a file, with the report: nothing is left.
    (tmp_path / "meta.yaml").write_text(META)
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7\n")
    whole = submit(
        [tuned.out],
        year=2025,
        team="Guan_HEU",
        out=out,
        tests=tests,
        meta=tmp_path / "meta.yaml",
        report=tmp_path / "paper.pdf",
        workers=1,
    )
    assert (whole.to_fill_in, whole.report) == ((), True)
    assert check_submission(out, tests=tests, year=2025).problems == ()
    assert check_submission(whole.package, tests=tests).problems == ()
    # Changed afterwards: the zip is old until it is packed again.
    meta.write_text(meta.read_text().replace("Harbin, China", "Harbin"))
    assert [p.path for p in check_submission(out, tests=tests).problems] == ["Guan_HEU.zip"]
    assert pack(out) == whole.package
    assert check_submission(out, tests=tests).problems == ()


def test_a_second_system_joins_the_package(tuned: Tuning, tests: Path, tmp_path: Path) -> None:
    for system in (1, 2):
        done = submit([tuned.out], year=2025, team="Guan_HEU", out=tmp_path, tests=tests, system=system, workers=1)
    with zipfile.ZipFile(done.package) as archive:
        assert {name.split("/")[1] for name in archive.namelist()} == {LABEL, "Guan_HEU_task2_2"}


def test_older_years(tuned: Tuning, tmp_path: Path) -> None:
    root = tmp_path / "2021"
    for domain in ("source", "target"):
        sounds.write(root / "fan" / f"{domain}_test" / f"section_00_{domain}_test_0000.wav", sounds.hum(1))
    done = submit([tuned.out], year=2021, team="Guan_HEU", out=tmp_path / "a", tests=root, workers=1)
    assert (done.folder / "decision_result_fan_section_00_target_test.csv").is_file()
    assert (done.folder / "anomaly_score_fan_section_00_source_test.csv").is_file()
    root = tmp_path / "2020"
    sounds.write(root / "fan" / "test" / "id_00_00000000.wav", sounds.hum(1))
    done = submit([tuned.out], year=2020, team="Guan_HEU", out=tmp_path / "b", tests=root, workers=1)
    assert sorted(p.suffix for p in done.folder.iterdir()) == [".csv", ".yaml"]
    assert (done.folder / "anomaly_score_fan_id_00.csv").is_file()


def test_what_is_refused_writes_nothing(tuned: Tuning, tests: Path, tmp_path: Path) -> None:
    out = tmp_path / "sub"

    def refused(match: str, **how: object) -> None:
        words: dict[str, object] = {"year": 2025, "team": "Guan_HEU", "out": out, "tests": tests, "workers": 1}
        runs = how.pop("runs", [tuned.out])
        with pytest.raises(GensupError, match=match):
            submit(runs, **(words | how))  # type: ignore[arg-type]
        assert not out.exists()

    refused("two detectors of one machine", runs=[tuned.out, tuned.detector])
    refused("neither a run nor a detector", runs=[tests])
    refused("no team name", team="Guan/HEU")
    refused("no such system", system=5)
    refused("2019", year=2019)
    more = tmp_path / "more"
    shutil.copytree(tests, more)
    sounds.write(more / "raw" / "pump" / "test" / "section_00_0000.wav", sounds.hum(1))
    refused("machines without a detector", tests=more)
    (more / "raw" / "fan" / "test" / "section_00_0002.wav").write_bytes(b"RIFF")
    refused("section_00_0002.wav", tests=more, partial=True)
    shutil.rmtree(more / "raw" / "fan")
    refused("no test clips of this machine", tests=more)
    refused("not a PDF", report=tests / "raw" / "fan" / "test" / "section_00_0001.wav")


def test_a_foreign_file_is_not_thrown_away(tuned: Tuning, tests: Path, tmp_path: Path) -> None:
    done = submit([tuned.out], year=2025, team="Guan_HEU", out=tmp_path, tests=tests, workers=1)
    (done.folder / "notes.txt").write_text("mine")
    with pytest.raises(GensupError, match=r"holds other files.*notes\.txt"):
        submit([tuned.out], year=2025, team="Guan_HEU", out=tmp_path, tests=tests, workers=1)
    assert (done.folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("after", [1, 2])
def test_killed_between_two_renames(
    tuned: Tuning, tests: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    how = {"year": 2025, "team": "Guan_HEU", "out": tmp_path, "tests": tests, "workers": 1}
    first = submit([tuned.out], **how)
    before = everything(tmp_path)
    meta = first.folder / f"{LABEL}.meta.yaml"
    filled = meta.read_text().replace("'FILL IN: last name'", "Guan")
    meta.write_text(filled)
    renames = iter(range(after))
    real = os.rename

    class Killed(BaseException):
        pass

    def dying(self: Path, target: Path) -> None:
        if next(renames, None) is None:
            raise Killed
        real(self, target)

    def nothing(*words: object, **how: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", dying)
        patched.setattr("gensup.evaluation.submission.package.shutil.rmtree", nothing)
        patched.setattr("gensup.evaluation.submission.package.sync_folder", nothing)
        with pytest.raises(Killed):
            submit([tuned.out], **how)
    assert first.folder.exists() == (after == 2)
    if after == 1:  # nobody scores again only to pack
        pack(tmp_path)
        assert meta.read_text() == filled
    submit([tuned.out], **how)
    assert meta.read_text() == filled
    assert not [path for path in (tmp_path / "task2").iterdir() if path.name.startswith(".")]
    assert everything(tmp_path).keys() == before.keys()
    assert check_submission(tmp_path, tests=tests).systems == (LABEL,)
