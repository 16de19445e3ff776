"""The line: from normal recordings to a verdict, a detector and scores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import AudioRef
from gensup.detection.detector import load
from gensup.detection.fusion import Fusion
from gensup.errors import GensupError
from gensup.steps.alarms import NormalScores
from gensup.steps.fit import fit
from gensup.steps.score import score
from gensup.steps.synthetic import read_sets
from gensup.steps.table import exercise, folds_of
from gensup.steps.tune import Tuning, tune
from gensup.store import sha256_file
from tests.steps.conftest import SEEDED, SETTINGS
from tests.support import sounds


def test_the_run_folder(tuned: Tuning) -> None:
    run = json.loads((tuned.out / "run.json").read_text())
    assert run["verdict"]["answer"] == tuned.verdict.answer
    assert run["verdict"]["members"] == list(tuned.verdict.members)
    assert run["config"]["data"]["clips"] == 14
    assert tuned.report.is_file()
    detector = load(tuned.detector)
    assert detector.machine == "fan"
    assert detector.groups == ("fan/00",)
    params = {trial.id: dict(trial.params) for trial in tuned.table.trials}
    wanted = {*tuned.verdict.members, *(tuned.verdict.panel if tuned.verdict.form == "hedged" else ())}
    chains = detector.chains() if isinstance(detector, Fusion) else (detector,)
    fitted = [dict(chain.params) for chain in chains]
    assert len(fitted) == len(wanted)
    assert all(params[trial] in fitted for trial in wanted)


def test_what_a_fold_cannot_fit_is_pruned_with_the_reason(tuned: Tuning) -> None:
    lines = [json.loads(line) for line in (tuned.out / "trials" / "journal.jsonl").read_text().splitlines()]
    pruned = {line["params"]["backend.n_components"]: line["reason"] for line in lines if line["state"] == "pruned"}
    assert pruned == {8: "8 components need 16 clips, a fold has 11"}
    assert len(lines) == 9
    assert len(tuned.table.trials) == 6


def test_every_twin_is_scored_without_its_source(tuned: Tuning) -> None:
    columns = tuned.table.columns
    for repeat in range(3):
        own = [column for column in columns if column.repeat == repeat]
        fold_of = {column.source: column.fold for column in own if column.role == "normal"}
        made = [column for column in own if column.role in ("anomaly", "nuisance")]
        assert {column.role for column in made} == {"anomaly", "nuisance"}
        assert all(column.fold == fold_of[column.source] for column in made)
        assert np.bincount(list(fold_of.values())).max() <= 3


def test_no_test_clip_is_opened(data: Path, twins: Path, overlay: Path, tmp_path: Path, tuned: Tuning) -> None:
    """Test clips may be garbage, missing, or swapped: not a byte of the run is another."""
    root = tmp_path / "data"
    shutil.copytree(data, root)
    for i, clip in enumerate(sorted((root / "fan" / "test").iterdir())):
        if i % 2:
            clip.write_bytes(b"garbage")
        else:
            clip.rename(clip.with_name(clip.name.replace("normal", "anomaly").replace("spd_1", "spd_9")))
    again = tune(
        root,
        "fan",
        tmp_path / "run",
        synthetic=[twins],
        settings=SEEDED,
        detectors=["small"],
        detectors_overlay=overlay,
        workers=1,
    )
    for name in (
        "run.json",
        "detector/detector.json",
        "trials/table.json",
        "trials/study.log",
        "report.html",
    ):
        assert sha256_file(again.out / name) == sha256_file(tuned.out / name), name


def test_tune_is_synthesize_and_then_itself(
    data: Path, twins: Path, overlay: Path, tmp_path: Path, tuned: Tuning
) -> None:
    out = tmp_path / "run"
    whole = tune(data, "fan", out, settings=SETTINGS, detectors=["small"], detectors_overlay=overlay, workers=1)
    assert sha256_file(out / "metadata.jsonl") == sha256_file(twins / "metadata.jsonl")
    assert (out / "wanted" / "metadata.jsonl").is_file()
    assert {w.family for w in whole.verdict.wanted} <= {w.family for w in tuned.verdict.wanted}
    first = len(tuned.table.columns)
    assert whole.table.columns[:first] == tuned.table.columns
    np.testing.assert_array_equal(whole.table.scores[:, :first], tuned.table.scores)


def test_a_run_continues_where_it_was(data: Path, twins: Path, overlay: Path, tmp_path: Path, tuned: Tuning) -> None:
    out = tmp_path / "run"
    shutil.copytree(tuned.out, out)
    # As a kill leaves it: a damaged score row, a half-written line, no verdict, no detector.
    journal = out / "trials" / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:5]) + lines[5][:20])
    next((out / "trials" / "scores").iterdir()).write_bytes(b"")
    shutil.rmtree(out / "detector")
    (out / "report.html").unlink()
    run = json.loads((out / "run.json").read_text())
    del run["verdict"]
    (out / "run.json").write_text(json.dumps(run))
    tune(
        data,
        "fan",
        out,
        synthetic=[twins],
        settings=SEEDED,
        detectors=["small"],
        detectors_overlay=overlay,
        workers=1,
    )
    for name in ("run.json", "detector/detector.json", "trials/table.json", "trials/study.log", "report.html"):
        assert sha256_file(out / name) == sha256_file(tuned.out / name), name


def test_the_line_hears_the_hiss(data: Path, tuned: Tuning, tmp_path: Path) -> None:
    scored = score(
        tuned.detector, [data / "fan" / "test"], out=tmp_path / "s.csv", decisions=tmp_path / "d.csv", workers=1
    )
    anomalous = [s.score for s in scored if "anomaly" in s.name]
    assert min(anomalous) > max(s.score for s in scored if "normal" in s.name)
    rows = (tmp_path / "s.csv").read_text().splitlines()
    assert rows == [f"{s.name},{s.score!r}" for s in scored]
    assert (tmp_path / "d.csv").read_text().splitlines() == [f"{s.name},{int(s.anomalous)}" for s in scored]
    normals = NormalScores.of(load(tuned.detector).held_out)
    normalised = score(tuned.detector, [data / "fan" / "test"], normalised=True, workers=1)
    np.testing.assert_allclose([s.score for s in normalised], normals.cdf([s.score for s in scored]))


def test_one_clip_scores_as_it_does_among_others(data: Path, tuned: Tuning) -> None:
    clips = sorted((data / "fan" / "test").iterdir())
    together = {s.name: s.score for s in score(tuned.detector, [data / "fan" / "test"], workers=1)}
    (alone,) = score(tuned.detector, [clips[2]], workers=1)
    np.testing.assert_allclose(alone.score, together[clips[2].name], rtol=1e-9)


def test_a_foreign_folder_of_anomalies_is_unpaired_and_no_evidence(data: Path, overlay: Path, tmp_path: Path) -> None:
    for i in range(6):
        sounds.write(tmp_path / "made" / "anomaly" / f"{i}.wav", sounds.hum(50 + i, hiss=1))
    done = tune(
        data,
        "fan",
        tmp_path / "run",
        synthetic=[tmp_path / "made"],
        detectors=["small"],
        detectors_overlay=overlay,
        workers=1,
    )
    assert not done.verdict.paired
    assert done.verdict.answer == "default"
    assert done.verdict.members == (done.table.default,)
    assert done.report.is_file()


def test_twins_of_other_recordings_are_refused(twins: Path, overlay: Path, tmp_path: Path) -> None:
    root = tmp_path / "other"
    for i in range(12):
        sounds.write(root / "fan" / "train" / f"section_00_source_train_normal_{i:04d}.wav", sounds.hum(500 + i))
    with pytest.raises(GensupError, match="twins of other recordings"):
        tune(
            root,
            "fan",
            tmp_path / "run",
            synthetic=[twins],
            settings=SEEDED,
            detectors=["small"],
            detectors_overlay=overlay,
            workers=1,
        )


def test_one_sound_under_two_names_is_held_out_together(data: Path, twins: Path, tmp_path: Path) -> None:
    from gensup.engine import Inline
    from gensup.steps.progress import QUIET
    from gensup.steps.recordings import normals

    root = tmp_path / "data"
    shutil.copytree(data, root)
    train = root / "fan" / "train"
    first = sorted(train.glob("*source*"))[0]
    shutil.copy(first, train / first.name.replace("normal_0", "normal_9"))
    heard = normals(root, "fan", out=tmp_path / "out", channel=0, skip_bad=False, engine=Inline(), progress=QUIET)
    folds = folds_of(heard, 0)
    by_key: dict[str, set[int]] = {}
    assert len(folds) == 3
    for member, fold in zip(heard.members, folds[0], strict=True):
        by_key.setdefault(member.key, set()).add(int(fold))
    assert len(heard.members) == 15
    assert len(by_key) == 14
    assert all(len(found) == 1 for found in by_key.values())
    assert len(exercise(heard, read_sets([twins], "fan"), 0).columns) > 15


def test_channels_and_rates(tmp_path: Path, overlay: Path) -> None:
    """Two channels, one of them dead, and a clip at another rate: reduced, resampled, and said."""
    import soundfile

    root = tmp_path / "mine"
    root.mkdir()
    for i in range(10):
        sound = sounds.hum(i)[0]
        both = np.stack([sound, np.zeros_like(sound)], axis=1)
        rate = 2 * sounds.RATE if i == 0 else sounds.RATE
        soundfile.write(root / f"rec{i}.flac", np.repeat(both, 2, axis=0) if i == 0 else both, rate)
    said: list[str] = []

    class Listener:
        def note(self, text: str) -> None:
            said.append(text)

        def follow(self, items, total, doing):
            return items

    detector = fit(root, "press", "small", tmp_path / "d", detectors_overlay=overlay, workers=1, progress=Listener())
    assert (detector.rate, detector.channel) == (sounds.RATE, 0)
    assert any("1 of 10 clips are at 16000 Hz: resampled to 8000 Hz" in line for line in said)
    assert any("2 channels: channel 0 is used" in line for line in said)
    with pytest.raises(GensupError, match="silent"):
        fit(root, "press", "small", tmp_path / "far", channel="far", detectors_overlay=overlay, workers=1)
    assert not (tmp_path / "far").exists()
    assert AudioRef(root / "rec0.flac", sounds.RATE, 0).read().shape == (1, len(sounds.hum(0)[0]))


def test_bad_clips_end_the_run_or_are_left_out(data: Path, overlay: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(data, root)
    bad = root / "fan" / "train" / "section_00_source_train_normal_0900_spd_1.wav"
    bad.write_bytes(b"RIFF")
    with pytest.raises(GensupError, match="0900_spd_1"):
        fit(root, "fan", "small", tmp_path / "d", detectors_overlay=overlay, workers=1)
    assert not (tmp_path / "d").exists()
    fitted = fit(root, "fan", "small", tmp_path / "d", skip_bad=True, detectors_overlay=overlay, workers=1)
    clean = fit(data, "fan", "small", tmp_path / "e", detectors_overlay=overlay, workers=1)
    assert fitted.held_out == clean.held_out


def test_what_score_refuses(data: Path, tuned: Tuning, tmp_path: Path) -> None:
    sounds.write(tmp_path / "pump" / "test" / "section_00_0001.wav", sounds.hum(1))
    with pytest.raises(GensupError, match=r"another machine's clip.*pump"):
        score(tuned.detector, [tmp_path], workers=1)
    sounds.write(tmp_path / "fan" / "test" / "section_07_0001.wav", sounds.hum(1))
    with pytest.raises(GensupError, match="fan/07"):
        score(tuned.detector, [tmp_path / "fan"], workers=1)
    with pytest.raises(GensupError, match="nothing to score"):
        score(tuned.detector, [tmp_path], skip_bad=True, workers=1)
    with pytest.raises(GensupError, match="two clips of one name"):
        score(tuned.detector, [data / "fan" / "test", data / "fan" / "test"], workers=1)
    with pytest.raises(GensupError, match="no detector here"):
        score(tmp_path, [data], workers=1)
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(GensupError, match="no clip and no folder"):
        score(tuned.detector, [tmp_path / "notes.txt"], workers=1)
    assert not (tmp_path / "out.csv").exists()


def test_a_clip_that_says_nothing_is_the_detectors(tuned: Tuning, tmp_path: Path) -> None:
    sounds.write(tmp_path / "monday.wav", sounds.hum(1))
    (scored,) = score(tuned.detector, [tmp_path], workers=1)
    assert scored.name == "monday.wav"


def test_a_files_own_folders_say_its_section(tuned: Tuning, tmp_path: Path) -> None:
    known = sounds.write(tmp_path / "id_00" / "abnormal" / "00000000.wav", sounds.hum(1))
    other = sounds.write(tmp_path / "id_02" / "normal" / "00000000.wav", sounds.hum(2))
    (scored,) = score(tuned.detector, [known], workers=1)
    assert scored.name == "00000000.wav"
    with pytest.raises(GensupError, match="fan/02"):
        score(tuned.detector, [other], workers=1)


def test_a_run_is_finished_even_if_the_oracle_finds_no_labels(
    data: Path, twins: Path, overlay: Path, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    shutil.copytree(data / "fan" / "train", root / "fan" / "train")
    done = tune(
        root, "fan", tmp_path / "run", synthetic=[twins], settings=SEEDED, detectors=["small"],
        detectors_overlay=overlay, workers=1, oracle=True,
    )  # fmt: skip
    assert done.unjudged is not None
    assert "label" in str(done.unjudged)
    assert done.report.is_file()
    assert load(done.detector).machine == "fan"


def test_limits_that_nobody_keeps_end_before_twins_are_made(data: Path, overlay: Path, tmp_path: Path) -> None:
    from gensup.steps.limits import Limits
    from gensup.steps.tune import Choosing

    with pytest.raises(GensupError, match="no candidate is within the limits"):
        tune(
            data, "fan", tmp_path / "run", detectors=["small"], detectors_overlay=overlay, workers=1,
            choosing=Choosing(limits=Limits(parameters=1)),
        )  # fmt: skip
    assert not (tmp_path / "run" / "clips").exists()


def test_labelled_recordings_are_no_synthetic_clips(data: Path, overlay: Path, tmp_path: Path) -> None:
    for folder in (data / "fan" / "test", data):
        with pytest.raises(GensupError, match="recordings given as synthetic clips"):
            tune(data, "fan", tmp_path / "run", synthetic=[folder], detectors=["small"], detectors_overlay=overlay)


def test_two_foreign_folders_ask_side_by_side(data: Path, overlay: Path, tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    for seed, place in enumerate(places):
        for i in range(5):
            sounds.write(place / "anomaly" / f"{i}.wav", sounds.hum(90 + 10 * seed + i, hiss=1))
            sounds.write(place / "normal" / f"{i}.wav", sounds.hum(190 + 10 * seed + i))
    done = tune(
        data, "fan", tmp_path / "run", synthetic=places, detectors=["small"], detectors_overlay=overlay, workers=1
    )
    assert len(done.table.exams) == 2 * 3  # repeats
    assert {len(exam.normal) for exam in done.table.exams} == {5}  # each set's anomalies against its own normal clips
    with pytest.raises(GensupError, match="twice"):
        read_sets([places[0], places[0]], "fan")


def test_a_stray_is_scored_by_its_own_sections_model(overlay: Path, tmp_path: Path) -> None:
    for section in ("00", "01"):
        for i in range(8):
            name = f"section_{section}_source_train_normal_{i:04d}.wav"
            sounds.write(tmp_path / "data" / "pump" / "train" / name, sounds.hum(int(section) * 50 + i))
    for i in range(3):
        sounds.write(tmp_path / "made" / f"section_01_source_test_anomaly_{i:04d}.wav", sounds.hum(i, hiss=1))
    how = {"detectors": ["small"], "detectors_overlay": overlay, "workers": 1}
    done = tune(tmp_path / "data", "pump", tmp_path / "run", synthetic=[tmp_path / "made"], **how)  # type: ignore[arg-type]
    assert done.verdict.answer == "default"
    sounds.write(tmp_path / "made" / "nowhere_anomaly.wav", sounds.hum(1, hiss=1))
    sounds.write(tmp_path / "made" / "anomaly" / "nowhere.wav", sounds.hum(1, hiss=1))
    with pytest.raises(GensupError, match="no section that was recorded"):
        tune(tmp_path / "data", "pump", tmp_path / "other", synthetic=[tmp_path / "made"], **how)  # type: ignore[arg-type]


def test_a_sets_clips_are_no_recordings(twins: Path, overlay: Path, tmp_path: Path) -> None:
    with pytest.raises(GensupError, match="part of a run or a twin set"):
        fit(twins / "clips", "fan", "small", tmp_path / "d", detectors_overlay=overlay, workers=1)


def test_a_model_without_a_section_takes_every_clip(overlay: Path, tmp_path: Path) -> None:
    for i in range(6):
        sounds.write(tmp_path / "mine" / f"rec{i}.wav", sounds.hum(i))
    fit(tmp_path / "mine", "press", "small", tmp_path / "d", detectors_overlay=overlay, workers=1)
    clip = sounds.write(tmp_path / "id_04" / "normal" / "00000000.wav", sounds.hum(9))
    (alone,) = score(tmp_path / "d", [clip], workers=1)
    (inside,) = score(tmp_path / "d", [tmp_path / "id_04" / "normal"], workers=1)
    assert alone.score == inside.score


def test_bytes_do_not_depend_on_workers_or_threads(data: Path, twins: Path, overlay: Path, tmp_path: Path) -> None:
    for threads, workers in (("1", "1"), ("2", "2")):
        command = [sys.executable, "-m", "gensup", "tune", data, "--machine", "fan", "--synthetic", twins]
        command += ["--detector", "small", "--detectors", overlay, "--out", tmp_path / threads, "--workers", workers]
        subprocess.run(
            [*map(str, command)], check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": threads}
        )
    files = [path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file()]
    assert len(files) > 10
    for file in files:
        if file.name != "log.jsonl":
            assert sha256_file(tmp_path / "1" / file) == sha256_file(tmp_path / "2" / file), file
