"""A chain that can be heard unbroken is no evidence, whatever its anomalies say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from gensup.engine import Inline
from gensup.rng import digest
from gensup.selection.constants import constants
from gensup.steps.synthetic import read_sets
from gensup.steps.table import exercise
from gensup.steps.tainted import taints
from gensup.steps.tune import tune
from gensup.store import SCHEMA, sha256_file, write_json, write_manifest
from tests.steps.parts import heard
from tests.support import sounds

CLIPS = 26
LOW = butter(6, 1500, fs=sounds.RATE, output="sos")


def low_pass(audio: np.ndarray) -> np.ndarray:
    """Gentle: above the corner 6 dB are left away, and faults are heard as before."""
    return np.asarray((audio + sosfilt(LOW, audio)) / 2, dtype=np.float32)


def nothing(audio: np.ndarray) -> np.ndarray:
    return audio


def hissing(seed: int) -> np.ndarray:
    """Noise below the filter's corner, too."""
    return np.asarray(0.03 * np.random.default_rng(seed).standard_normal(int(0.8 * sounds.RATE)), dtype=np.float32)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.machine(tmp_path_factory.mktemp("data"), train=CLIPS, target=5, test=0)


@pytest.fixture(scope="module")
def codec(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A twin set whose clips all went through a chain."""
    keys = heard(root, tmp_path_factory.mktemp("x")).members
    folder = tmp_path_factory.mktemp("sets")

    def made(name: str, chain: Callable[[np.ndarray], np.ndarray], sources: int = CLIPS) -> Path:
        out, rows = folder / name, []
        for i, member in enumerate(keys[:sources]):
            audio = member.ref.read()
            for condition, severities in (("normal", (0.0,)), ("anomaly", (0.3, 3.0))):
                for severity in severities:
                    clip = digest(name, i, severity)
                    file = sounds.write(out / "clips" / f"{clip}.wav", chain(audio + severity * hissing(i)))
                    fault = {"family": "hiss", "mechanism": "noise-added", "status": "cited"}
                    rows.append(
                        {
                            "schema": SCHEMA,
                            "id": clip,
                            "file_name": f"clips/{clip}.wav",
                            "sha256": sha256_file(file),
                            "condition": condition,
                            "twin": digest(name, i, 0.0),
                            "sources": [member.key],
                            "machine": "fan",
                            "section": "00",
                            "domain": member.clip.domain,
                            "severity": severity,
                            "chain": name,
                            "source_path": member.clip.path,
                            **fault,
                        }
                    )
        write_json(out / "run.json", {"schema": SCHEMA, "config": {}})
        write_manifest(out / "metadata.jsonl", rows)
        return out

    return made


def told(root: Path, out: Path, *sets: Path) -> dict[str, float]:
    return taints(Inline(), exercise(heard(root, out), read_sets(sets, "fan"), 0), "fan")


def test_a_low_pass_taints_and_a_chain_without_a_trace_does_not(
    root: Path, codec: Callable[..., Path], tmp_path: Path
) -> None:
    found = told(root, tmp_path, codec("muffled", low_pass), codec("clean", nothing))
    assert set(found) == {"muffled", "clean"}
    assert found["muffled"] > 0.95
    assert found["clean"] < constants().tainted


def test_of_few_twins_nothing_is_said(root: Path, codec: Callable[..., Path], tmp_path: Path) -> None:
    assert told(root, tmp_path, codec("short", low_pass, 19)) == {"short": 0.5}


def test_faults_added_to_recordings_went_through_nothing(data: Path, twins: Path, tmp_path: Path) -> None:
    assert told(data, tmp_path, twins) == {}


def test_a_run_with_a_muffled_set_ends_with_the_default(
    root: Path, codec: Callable[..., Path], overlay: Path, tmp_path: Path
) -> None:
    done = tune(
        root,
        "fan",
        tmp_path / "run",
        synthetic=[codec("muffled-run", low_pass)],
        detectors=["small"],
        detectors_overlay=overlay,
        workers=1,
    )
    assert {c.role for c in done.table.columns} == {"normal", "sham", "anomaly"}
    # Twins through a chain are judged against twins through it.
    for exam in done.table.exams:
        assert {done.table.columns[i].role for i in exam.normal} == {"sham"}
    assert (done.verdict.answer, done.verdict.tainted) == ("default", True)
    assert done.verdict.members == (done.table.default,)
    assert "told from recordings, unbroken" in done.verdict.sentence
    assert done.verdict.families["hiss"].weight == 0
    assert "tainted" in done.verdict.families["hiss"].why  # that alone: it would have told the candidates apart
