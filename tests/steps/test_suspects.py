"""A broken clip among the normal ones is found before anything is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gensup.detection.means import NOTHING
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.steps.candidates import Candidates
from gensup.steps.recordings import Recordings
from gensup.steps.suspects import Suspect, find, tell, without
from gensup.steps.synthesize import Settings
from gensup.steps.tune import Choosing, tune
from tests.steps.parts import Listener, heard
from tests.support import sounds

BROKEN = "fan/train/section_00_source_train_normal_0009_spd_2.wav"


@pytest.fixture(scope="module")
def contaminated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty clips, one of which hisses."""
    root = sounds.machine(tmp_path_factory.mktemp("contaminated"), train=20, test=0)
    assert (root / BROKEN).is_file()
    sounds.write(root / BROKEN, sounds.hum(9, hiss=1.0))
    return root


@pytest.fixture(scope="module")
def recordings(contaminated: Path, tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    return heard(contaminated, tmp_path_factory.mktemp("out"))


def test_the_contaminated_clip_is_found(recordings: Recordings, overlay: Path) -> None:
    candidates = Candidates.of(["small"], overlay)
    found = find(Inline(), candidates, recordings, 0, NOTHING)
    assert [suspect.path for suspect in found] == [BROKEN]
    assert found[0].distance > 6
    assert find(Inline(), candidates, recordings, 0, NOTHING) == found
    clean = without(recordings, found)
    assert BROKEN not in {member.clip.path for member in clean.members}
    assert len(clean.members) == 19
    assert find(Inline(), candidates, clean, 0, NOTHING) == ()
    assert clean.fingerprint != recordings.fingerprint


def test_where_nobody_can_be_fitted_nobody_is_suspected(recordings: Recordings, tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_text(
        "name: large\npaper: {cite: tests}\nfrontend: {kind: log-mel, n_fft: 256, hop: 128, n_mels: 24}\n"
        "pooling: {kind: gwrp, decay: 1.0}\nbackend: {kind: gmm, n_components: 32}\n"
        "space: {pooling.decay: [0.0, 1.0]}\n"
    )
    assert find(Inline(), Candidates.of(["large"], tmp_path), recordings, 0, NOTHING) == ()


def test_without_says_why(recordings: Recordings) -> None:
    left = without(recordings, [Suspect(BROKEN, 12.34)])
    assert left.left_out[BROKEN] == "a suspect, 12.3 robust sd from the others"
    assert recordings.left_out == {}
    assert without(recordings, []) == recordings


def test_told_is_what_happens_to_each() -> None:
    listener = Listener()
    tell(listener, [Suspect("a.wav", 20.0), Suspect("b.wav", 7.0)], 1)
    first, second = listener.said
    assert "20.0 robust sd" in first
    assert first.endswith("a.wav: left out")
    assert "b.wav: kept" in second
    assert "--drop-suspects" in second


def test_a_run_without_its_suspects(contaminated: Path, overlay: Path, tmp_path: Path) -> None:
    (tmp_path / "detectors").mkdir()
    (tmp_path / "detectors" / "small.yaml").write_text(
        (overlay / "small.yaml").read_text().replace("space: {pooling.decay: [0.0, 0.8, 1.0], ", "space: {")
    )
    done = tune(
        contaminated,
        "fan",
        tmp_path / "run",
        settings=Settings(pairs=2, severities=(1.0,), faults=("hiss",), nuisances=False),
        choosing=Choosing(drop_suspects=1),
        detectors=["small"],
        detectors_overlay=tmp_path / "detectors",
        workers=1,
    )
    assert [suspect.path for suspect in done.suspects] == [BROKEN]
    assert BROKEN not in {column.clip for column in done.table.columns}
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [suspect["path"] for suspect in run["suspects"]] == [BROKEN]
    assert run["config"]["data"]["clips"] == 19
    rows = [json.loads(line) for line in (tmp_path / "run" / "metadata.jsonl").read_text().splitlines()]
    assert BROKEN not in {row["source_path"] for row in rows}  # no twin of a broken machine


def test_too_few_clips_without_the_suspects_are_said_before_a_twin_is_made(contaminated: Path, tmp_path: Path) -> None:
    (tmp_path / "detectors").mkdir()
    (tmp_path / "detectors" / "tight.yaml").write_text(
        "name: tight\npaper: {cite: tests}\nfrontend: {kind: log-mel, n_fft: 256, hop: 128, n_mels: 24}\n"
        "pooling: {kind: gwrp, decay: 1.0}\nbackend: {kind: gmm, n_components: 8}\n"
        "space: {pooling.decay: [1.0]}\n"
    )
    with pytest.raises(GensupError, match="too few normal clips"):
        tune(
            contaminated,
            "fan",
            tmp_path / "run",
            settings=Settings(pairs=2, severities=(1.0,), faults=("hiss",), nuisances=False),
            choosing=Choosing(drop_suspects=1),
            detectors=["tight"],
            detectors_overlay=tmp_path / "detectors",
            workers=1,
        )
    assert not (tmp_path / "run" / "clips").exists()
