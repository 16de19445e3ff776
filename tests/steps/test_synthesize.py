"""Twin sets: whole, the same bytes however they are made, and nothing of the test in them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import AudioRef, fingerprint
from gensup.engine import for_workers
from gensup.errors import GensupError
from gensup.steps.progress import QUIET
from gensup.steps.recordings import Recordings, normals
from gensup.steps.synthesize import Settings, Work, synthesize
from gensup.store import open_run, read_manifest, sha256_file
from gensup.synthesis.diffusion.settings import Diffusion
from gensup.synthesis.twinset import read
from tests.steps.conftest import SETTINGS
from tests.support import sounds

FEW = replace(SETTINGS, pairs=2, severities=(2.0,))  # every family still


@pytest.fixture(scope="module")
def few(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished set that is made several times over."""
    out = tmp_path_factory.mktemp("sets") / "few"
    synthesize(data, "fan", out, settings=FEW, workers=1)
    return out


def contents(folder: Path) -> dict[str, str]:
    """Every file of a set but its lock and log, by its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "log.jsonl")
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def test_every_family_at_every_rung_for_every_source(twins: Path) -> None:
    rows = read_manifest(twins / "metadata.jsonl")
    normal = [row for row in rows if row["condition"] == "normal" and row["nuisance"] is None]
    anomalies = [row for row in rows if row["condition"] == "anomaly"]
    assert len(normal) == SETTINGS.pairs
    assert set(Counter((row["family"], row["severity"]) for row in anomalies).values()) == {SETTINGS.pairs}
    assert {row["severity"] for row in anomalies} == {0.5, 2.0}
    assert len({row["mechanism"] for row in anomalies}) >= 3
    assert {row["domain"] for row in normal} == {"source", "target"}  # spread over domains
    assert {row["twin"] for row in anomalies} == {row["id"] for row in normal}
    assert {row["nuisance"] for row in anomalies} == {None}
    assert [row["id"] for row in rows] == sorted(str(row["id"]) for row in rows)


def test_the_normal_twin_is_the_recording_bit_for_bit(data: Path, twins: Path) -> None:
    recorded = {fingerprint(AudioRef(path, sounds.RATE, 0).read()) for path in (data / "fan" / "train").iterdir()}
    for row in read_manifest(twins / "metadata.jsonl"):
        audio = AudioRef(twins / str(row["file_name"]), sounds.RATE, 0).read()
        assert row["sources"][0] in recorded
        assert (fingerprint(audio) == row["sources"][0]) == (row["id"] == row["twin"])
        assert row["sha256"] == sha256_file(twins / str(row["file_name"]))


def test_every_normal_twin_has_copies_that_are_normal(twins: Path) -> None:
    rows = read_manifest(twins / "metadata.jsonl")
    normal = {row["id"]: row for row in rows if row["id"] == row["twin"]}
    copies = [row for row in rows if row["nuisance"] is not None]
    assert set(Counter(row["twin"] for row in copies).values()) == {6}
    assert set(Counter(row["nuisance"] for row in copies).values()) == {SETTINGS.pairs}
    for row in copies:
        twin = normal[row["twin"]]
        for key in ("caption", "chain", "condition", "domain", "family", "severity", "source_path", "sources"):
            assert row[key] == twin[key]
        heard, was = (AudioRef(twins / str(r["file_name"]), sounds.RATE, 0).read() for r in (row, twin))
        apart = 10 * np.log10(np.mean(heard**2) / np.mean(was**2))
        if str(row["nuisance"]).startswith("gain"):
            assert row["parameters"]["gain_db"] == pytest.approx(apart, abs=0.01)
        assert row["parameters"]["peak"] == pytest.approx(np.abs(heard).max())
        assert not np.array_equal(heard, was)
        assert abs(apart) < 3.01
    said = {clip.id: clip.nuisance for clip in read(twins)}
    assert said == {row["id"]: row["nuisance"] for row in rows}
    assert "gain+3dB" in (twins / "README.md").read_text()


def test_a_set_without_nuisances(data: Path, twins: Path, tmp_path: Path) -> None:
    plain = synthesize(data, "fan", tmp_path / "set", settings=replace(SETTINGS, nuisances=False), workers=1)
    bare, rich = (read_manifest(folder / "metadata.jsonl") for folder in (tmp_path / "set", twins))
    assert plain.clips == plain.made == len(rich) - 6 * SETTINGS.pairs
    assert bare == [row for row in rich if row["nuisance"] is None]
    with pytest.raises(GensupError, match=r"another configuration.*nuisances"):
        synthesize(data, "fan", tmp_path / "set", settings=SETTINGS, workers=1)


def test_a_set_of_an_older_version_has_none(twins: Path, tmp_path: Path) -> None:
    shutil.copytree(twins, tmp_path / "set")
    manifest = tmp_path / "set" / "metadata.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    manifest.write_text("".join(json.dumps({k: v for k, v in row.items() if k != "nuisance"}) + "\n" for row in rows))
    assert {clip.nuisance for clip in read(tmp_path / "set")} == {None}


def test_a_copy_that_is_the_twin_again_is_refused_and_counted(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(data, root)
    # A clip that is silent but for one sample has no noise floor to raise or to lower.
    quiet = np.zeros((1, 6400), dtype=np.float32)
    quiet[0, 3000] = 0.25
    for i, path in enumerate(sorted((root / "fan" / "train").iterdir())):
        sounds.write(path, np.roll(quiet, 100 * i, axis=1))
    settings = Settings(pairs=3, severities=(1.0,), faults=("tone-added",))
    done = synthesize(root, "fan", tmp_path / "set", settings=settings, workers=1)
    assert done.finished
    assert Counter(done.refused.values()) == {"a nuisance left no trace in this clip": 6}
    assert done.made == done.clips - 6
    names = {row["nuisance"] for row in read_manifest(tmp_path / "set" / "metadata.jsonl")}
    assert {"gain+3dB", "tilt-0.5dB/octave"} < names
    assert not {"floor+3dB", "floor-3dB"} & names
    assert "a nuisance left no trace in this clip: 6 clips" in (tmp_path / "set" / "README.md").read_text()


def test_captions_speak_of_the_fault_and_never_of_a_test(twins: Path) -> None:
    for row in read_manifest(twins / "metadata.jsonl"):
        assert ("normal" in row["caption"]) == (row["condition"] == "normal")
        assert "test" not in row["caption"]


def test_two_workers_and_two_shards_make_the_same_bytes(data: Path, few: Path, tmp_path: Path) -> None:
    first = synthesize(data, "fan", tmp_path / "set", settings=FEW, shard=(1, 2), workers=1)
    assert not first.finished
    assert not (tmp_path / "set" / "metadata.jsonl").exists()
    second = synthesize(data, "fan", tmp_path / "set", settings=FEW, shard=(2, 2), workers=2)
    assert second.finished
    assert second.made == second.clips
    assert contents(tmp_path / "set") == contents(few)


def test_nothing_left_to_do(data: Path, twins: Path) -> None:
    before = contents(twins)
    said_otherwise = replace(SETTINGS, severities=(2.0, 0.0, 0.5, 2.0))
    again = synthesize(data, "fan", twins, settings=said_otherwise, workers=1)
    assert again.finished
    assert again.made == again.clips
    assert contents(twins) == before


def test_a_killed_set_continues_to_the_same_bytes(data: Path, few: Path, tmp_path: Path) -> None:
    """The command in a process of its own; test_killed.py kills the step anywhere."""
    out = tmp_path / "set"
    command = [sys.executable, "-m", "gensup", "synthesize", str(data), "--machine", "fan", "--out", str(out)]
    command += ["--pairs", str(FEW.pairs), "--severities", "2", "--seed", "3", "--workers", "1"]
    victim = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(out.glob("clips/*"))) < 20:
        assert victim.poll() is None, "ended before it could be killed"
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not (out / "metadata.jsonl").exists()
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert contents(out) == contents(few)


def test_a_clip_that_was_altered_before_the_set_was_finished_is_made_again(
    data: Path, few: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    synthesize(data, "fan", out, settings=FEW, shard=(1, 2), workers=1)
    victim = next((out / "clips").iterdir())
    victim.write_bytes(victim.read_bytes()[:-2] + b"\x00\x00")
    for shard in ((1, 2), (2, 2)):
        synthesize(data, "fan", out, settings=FEW, shard=shard, workers=1)
    assert contents(out) == contents(few)


def test_a_dry_run_makes_nothing(data: Path, twins: Path, tmp_path: Path) -> None:
    planned = synthesize(data, "fan", tmp_path / "set", settings=SETTINGS, dry_run=True, workers=1)
    rows = read_manifest(twins / "metadata.jsonl")
    assert planned.clips == len(rows)
    assert planned.made == 0
    np.testing.assert_allclose(planned.hours * 3600, sum(float(row["seconds"]) for row in rows))
    size = sum((twins / str(row["file_name"])).stat().st_size for row in rows)
    np.testing.assert_allclose(planned.gibibytes * 2**30, size, rtol=0.02)
    assert not (tmp_path / "set").exists()


def test_the_dcase_layout_is_an_ordinary_test_folder(data: Path, tmp_path: Path) -> None:
    from gensup.metadata import parse

    out = tmp_path / "set"
    settings = Settings(pairs=3, severities=(1.0,), layout="dcase", faults=("noise-added",))
    synthesize(data, "fan", out, settings=settings, workers=1)
    rows = read_manifest(out / "metadata.jsonl")
    assert {path.parent for path in out.rglob("*.wav")} == {out / "fan" / "test"}
    for row in rows:
        clip = parse(str(row["file_name"]))
        assert (clip.machine, clip.split, clip.condition, clip.domain) == (
            "fan",
            "test",
            row["condition"],
            row["domain"],
        )
        assert [list(pair) for pair in clip.attributes] == row["attributes"]
    assert len({row["file_name"] for row in rows}) == len(rows)


def test_the_output_may_lie_inside_the_recordings(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(data, root)
    first = synthesize(root, "fan", root / "twins", settings=FEW, workers=1)
    # A second set must not take the first one's clips, nor the unfinished first one's, for recordings.
    (root / "twins" / "metadata.jsonl").unlink()
    second = synthesize(root, "fan", root / "more", settings=FEW, workers=1)
    assert first.clips == second.clips
    assert contents(root / "more")["run.json"] == contents(root / "twins")["run.json"]


def test_another_configuration_is_refused_and_nothing_is_touched(data: Path, twins: Path) -> None:
    before = contents(twins)
    with pytest.raises(GensupError, match=r"another configuration.*synthesis\.pairs"):
        synthesize(data, "fan", twins, settings=Settings(pairs=3, severities=(0.5, 2.0), seed=3), workers=1)
    assert contents(twins) == before


def test_an_overlay_of_the_prompts_is_heard(data: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "mine.j2").write_text("{{ condition }} {{ machine }}{% if fault %}, {{ fault }}{% endif %}")
    (tmp_path / "prompts" / "machines.yaml").write_text("fan: {noun: big blower}\n")
    settings = Settings(pairs=2, severities=(1.0,), faults=("hiss",), style="mine")
    synthesize(data, "fan", tmp_path / "set", settings=settings, prompts=tmp_path / "prompts", workers=1)
    said = {str(row["caption"]) for row in read_manifest(tmp_path / "set" / "metadata.jsonl")}
    assert said == {"normal big blower", "anomaly big blower, hissing"}
    (tmp_path / "prompts" / "machines.yaml").write_text("fan: {noun: small blower}\n")
    with pytest.raises(GensupError, match=r"another configuration.*plan"):
        synthesize(data, "fan", tmp_path / "set", settings=settings, prompts=tmp_path / "prompts", workers=1)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"generator": "fautls"}, "did you mean faults"),
        ({"pairs": 0}, "--pairs"),
        ({"severities": (-1.0, 1.0)}, "--severities"),
        ({"severities": ()}, "--severities"),
        ({"severities": (0.0,)}, "--severities"),
        ({"severities": (float("nan"),)}, "--severities"),
        ({"faults": ("knok",)}, "did you mean knock"),
        ({"style": "peper"}, "paper"),
    ],
)
def test_settings_that_make_no_sense(data: Path, tmp_path: Path, change: dict, word: str) -> None:
    with pytest.raises(GensupError, match=word):
        synthesize(data, "fan", tmp_path / "set", settings=Settings(**change), workers=1)
    assert not (tmp_path / "set").exists()


def test_a_set_says_what_it_is(twins: Path) -> None:
    card = (twins / "README.md").read_text()
    assert "no recordings of a" in card
    assert "Licence: as the source recording." in card
    assert "`normals/`" not in card
    assert "| noise-added |" in card
    run = json.loads((twins / "run.json").read_text())
    assert run["config"]["machine"] == "fan"
    assert run["config"]["data"]["clips"] == 14


WANTED = (("hiss", 4.0), ("knock", 1.0), ("knock", 8.0), ("hiss", 0.125))


def prepared(data: Path, out: Path, settings: Settings) -> tuple[Recordings, Work]:
    recordings = normals(data, "fan", out=out, channel=0, skip_bad=False, engine=for_workers(1), progress=QUIET)
    return recordings, Work.prepared(recordings, settings.checked(), None)


def anomalies(folder: Path) -> dict[tuple[str, float], dict[str, dict]]:
    """Rows by family and severity, then by id."""
    found: dict[tuple[str, float], dict[str, dict]] = {}
    for row in read_manifest(folder / "metadata.jsonl"):
        if row["condition"] == "anomaly":
            found.setdefault((row["family"], row["severity"]), {})[row["id"]] = row
    return found


def test_more_rungs_are_those_of_a_longer_ladder(data: Path, twins: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, faults=("hiss", "knock"))
    longer = replace(settings, severities=(0.125, 0.5, 1.0, 2.0, 4.0, 8.0))
    synthesize(data, "fan", tmp_path / "longer", settings=longer, workers=1)
    recordings, work = prepared(data, tmp_path / "more", settings)
    more = work.more(WANTED)
    open_run(tmp_path / "more", {"command": "synthesize"} | recordings.described() | more.described(settings))
    done = more.make(tmp_path / "more", (0, 1), for_workers(1), QUIET)
    assert done.finished
    assert done.made == done.clips == (len(WANTED) + 1) * SETTINGS.pairs
    made, known = anomalies(tmp_path / "more"), anomalies(tmp_path / "longer")
    assert set(made) == set(WANTED)
    for rung, rows in made.items():
        assert rows == known[rung]  # with the files' SHA-256
    first = {row["id"]: row["sha256"] for row in read_manifest(twins / "metadata.jsonl")}
    normal = {row["id"]: row["sha256"] for row in read_manifest(tmp_path / "more" / "metadata.jsonl")}
    assert {i: sha for i, sha in normal.items() if i in first} == {
        row["id"]: row["sha256"] for row in read_manifest(twins / "metadata.jsonl") if row["id"] == row["twin"]
    }


def test_more_rungs_continue_after_a_kill(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "more"
    recordings, work = prepared(data, out, SETTINGS)
    more = work.more(WANTED)
    config = {"command": "synthesize"} | recordings.described() | more.described(SETTINGS)
    open_run(out, config)
    assert not more.make(out, (0, 2), for_workers(1), QUIET).finished  # as if ended half-way
    whole = tmp_path / "whole"
    open_run(whole, config)
    more.make(whole, (0, 1), for_workers(1), QUIET)
    open_run(out, config)
    assert more.make(out, (0, 1), for_workers(1), QUIET).finished
    assert contents(out) == contents(whole)
    with pytest.raises(GensupError, match=r"another configuration.*wanted"):
        open_run(out, config | work.more(WANTED[:1]).described(SETTINGS))


def test_rungs_beyond_the_physical_bound_are_an_empty_set(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "more"
    recordings, work = prepared(data, out, replace(SETTINGS, severities=(4.0,)))
    more = work.more([("wobble", 16.0)])
    open_run(out, {"command": "synthesize"} | recordings.described() | more.described(SETTINGS))
    for _ in range(2):  # the second finds it finished
        done = more.make(out, (0, 1), for_workers(1), QUIET)
        assert (done.finished, done.made) == (True, 0)
        assert read(out) == ()


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ((), "no rung is wanted"),
        ((("knok", 1.0),), "did you mean knock"),
        ((("hiss", -1.0),), "hiss: not a ladder"),
        ((("hiss", 1e4),), "hiss: not a ladder"),
        ((("squeal", 1.0),), "unknown fault family"),
    ],
)
def test_rungs_that_cannot_be_made(data: Path, tmp_path: Path, wanted: tuple, word: str) -> None:
    _, work = prepared(data, tmp_path / "more", replace(SETTINGS, faults=("hiss", "knock")))
    with pytest.raises(GensupError, match=word):
        work.more(wanted)


def test_a_family_that_was_left_out_stays_out(data: Path, tmp_path: Path) -> None:
    _, work = prepared(data, tmp_path / "more", SETTINGS)
    family, reason = next(iter(work.plan.left_out.items()))
    with pytest.raises(GensupError, match=reason[:20]):
        work.more([(family, 1.0)])


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"window": (1000.0, 1001.0)}, "a window outside the clip"), ({"strength": 0.0}, "a strength that makes no anom")],
)
def test_what_no_twin_can_come_of_is_refused_before_a_folder_is_begun(
    data: Path, tmp_path: Path, asked: dict[str, object], said: str
) -> None:
    diffusion = Diffusion(model=str(tmp_path / "not looked at"), **asked)  # type: ignore[arg-type]
    settings = Settings(generator="audioldm", pairs=1, diffusion=diffusion)
    with pytest.raises(GensupError, match=said):
        synthesize(data, "fan", tmp_path / "set", settings=settings, workers=1)
    assert not (tmp_path / "set").exists()
