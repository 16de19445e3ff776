"""First shot: no real label and no test clip has a part in the verdict, and asking afterwards changes nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gensup.steps.tune import Tuning, tune
from gensup.store import sha256_file
from tests.steps.conftest import SEEDED, SETTINGS


def files(folder: Path) -> dict[str, str]:
    """Every file that a verdict stands on: path -> sha256."""
    return {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "log.jsonl" and not path.is_relative_to(folder / "evaluation")
    }


def verdict(folder: Path) -> str:
    """The verdict's section of run.json, as text."""
    return json.dumps(json.loads((folder / "run.json").read_text())["verdict"], indent=2)


def test_the_verdict_has_the_same_bytes_with_and_without_the_oracle(data: Path, overlay: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, faults=("envelope-modulation", "noise-added", "spectral-tilt", "tone-added"))
    runs = {}
    for asked in (False, True):
        out = tmp_path / f"oracle-{asked}"
        tune(
            data,
            "fan",
            out,
            settings=settings,
            detectors=["small"],
            detectors_overlay=overlay,
            workers=1,
            oracle=asked,
        )
        assert (out / "evaluation" / "oracle.json").is_file() is asked
        runs[asked] = out
    assert verdict(runs[True]) == verdict(runs[False])
    without, with_it = files(runs[False]), files(runs[True])
    assert {name.split("/")[0] for name in without} >= {"trials", "detector", "clips", "metadata.jsonl", "run.json"}
    # The page may show what the oracle said, and run.json that it was asked.
    for shown in ("report.html", "run.json"):
        del without[shown], with_it[shown]
    assert with_it == without


def _swap_words(test: Path) -> None:
    for clip in sorted(test.iterdir()):
        words = {"normal": "anomaly", "anomaly": "normal"}
        clip.rename(clip.with_name("_".join(words.get(word, word) for word in f"new_{clip.name}".split("_"))))
    for clip in sorted(test.iterdir()):
        clip.rename(clip.with_name(clip.name.removeprefix("new_")))


def _shuffle_labels(test: Path) -> None:
    clips = sorted(test.iterdir())
    sounds_of = [clip.read_bytes() for clip in clips]
    for clip, sound in zip(clips, sounds_of[1:] + sounds_of[:1], strict=True):
        clip.write_bytes(sound)


def _more_attributes(test: Path) -> None:
    for clip in sorted(test.iterdir()):
        clip.rename(clip.with_name(clip.name.replace("source", "target").replace("spd_1", "spd_9")))


def _delete(test: Path) -> None:
    shutil.rmtree(test)


def _garbage(test: Path) -> None:
    for clip in sorted(test.iterdir()):
        clip.write_bytes(b"garbage")


@pytest.mark.parametrize("change", [_swap_words, _shuffle_labels, _more_attributes, _delete, _garbage])
def test_whatever_the_test_clips_are_the_run_is_the_same(
    change: Callable[[Path], None], data: Path, twins: Path, overlay: Path, tmp_path: Path, tuned: Tuning
) -> None:
    root = Path(shutil.copytree(data, tmp_path / "data"))
    change(root / "fan" / "test")
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
    assert files(again.out) == files(tuned.out)
    assert verdict(again.out) == verdict(tuned.out)


# Every opening of a clip below the test folder, with whether run.json held a verdict at that moment. libsndfile opens
# files in C, which audits nothing: its one door in soundfile announces them.
WATCHED = """
import json, sys
from pathlib import Path

root, out, twins, overlay, asked = sys.argv[1:]
test, opened = Path(root, "fan", "test").resolve(), []

def verdict_stands():
    run = Path(out, "run.json")
    return run.is_file() and "verdict" in json.loads(run.read_text())

def watch(event, args):
    if event != "open" or not isinstance(args[0], (str, bytes)):
        return
    path = Path(args[0] if isinstance(args[0], str) else args[0].decode()).resolve()
    if path.suffix == ".wav" and path.is_relative_to(test):
        opened.append([path.name, verdict_stands()])

sys.addaudithook(watch)

import soundfile
door = soundfile.SoundFile._open

def announced(self, file, *rest):
    sys.audit("open", file, "rb", 0)
    return door(self, file, *rest)

soundfile.SoundFile._open = announced

from gensup.steps.synthesize import Settings
from gensup.steps.tune import tune

tune(
    Path(root), "fan", Path(out), synthetic=[Path(twins)], settings=Settings(seed=3), detectors=["small"],
    detectors_overlay=Path(overlay), workers=1, oracle=asked == "asked",
)
print(json.dumps(opened))
"""


@pytest.mark.parametrize("asked", [True, False])
def test_test_clips_are_opened_after_the_verdict_and_only_when_asked(
    asked: bool, data: Path, twins: Path, overlay: Path, tmp_path: Path
) -> None:
    words = [data, tmp_path / "run", twins, overlay, "asked" if asked else "not"]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    opened = json.loads(done.stdout.splitlines()[-1])
    assert {name for name, _ in opened} == (
        {clip.name for clip in (data / "fan" / "test").iterdir()} if asked else set()
    )
    assert all(stood for _, stood in opened)
