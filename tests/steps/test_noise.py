"""Where noise comes from, what is said of it, and what never is noise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gensup.audio import files
from gensup.audio.files import AudioRef
from gensup.detection import recipe
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.registry import Registry
from gensup.steps.fit import fit
from gensup.steps.noise import Asked, Beside, gathered
from gensup.steps.train import train
from gensup.store.run import read_run
from tests.steps.parts import Listener
from tests.support import sounds
from tests.support.frontends.wide import Wide

CHAIN = """
name: {name}
paper: {{cite: tests}}
train_on: all
frontend: {{kind: {kind}, noise: {noise}{more}}}
pooling: {{kind: mean}}
backend: {{kind: knn, k: 1}}
"""
SERESNET = (
    ", seconds: 0.5, high_pass: 0, fmin: 50, n_fft: 256, hop: 128, n_mels: 16, dim: 8, width: 2, pseudo: none, steps: 2"
    ", batch: 8, noise_snr_db: [5, 10]"
)


def stereo(path: Path, seed: int) -> Path:
    """A clip of two microphones, of which the second is far from the machine."""
    near, far = sounds.hum(seed), sounds.hum(seed + 5000, hiss=1.0)
    return sounds.write(path, np.concatenate([near, far]))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fan and a pump with two microphones, supplemental clips of both kinds, test clips, and a folder of noise."""
    data = tmp_path_factory.mktemp("data")
    for machine, begin in (("fan", 0), ("pump", 100)):
        for i in range(8):
            name = f"section_00_{'target' if i < 2 else 'source'}_train_normal_{i:04d}_spd_{1 + i % 2}.wav"
            stereo(data / "raw" / machine / "train" / name, begin + i)
        stereo(data / "raw" / machine / "test" / "section_00_source_test_normal_0000_spd_1.wav", begin + 50)
        for i, kind in enumerate(("noise", "noise", "machine")):
            stereo(data / "raw" / machine / "supplemental" / f"section_00_{kind}_{i:04d}.wav", begin + 60 + i)
    stereo(data / "raw" / "fan" / "test" / "supplemental" / "section_00_noise_0009.wav", 99)
    sounds.write(data / "hall" / "hall 1.wav", sounds.hum(900, hiss=2.0, seconds=1.6))
    sounds.write(data / "hall" / "hall 1 again.wav", sounds.hum(900, hiss=2.0, seconds=1.6))
    sounds.write(data / "hall" / "section_00_source_test_anomaly_0003.wav", sounds.hum(902))
    # A training clip that lies among the noise, too.
    (data / "hall" / "hall 2.wav").write_bytes(
        (data / "raw" / "pump" / "train" / "section_00_source_train_normal_0005_spd_2.wav").read_bytes()
    )
    return data


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detectors")
    for name, kind, noise, more in (
        ("noisy", "wide", 0.5, ""), ("quiet", "wide", 0.0, ""), ("net", "seresnet", 0.5, SERESNET)
    ):  # fmt: skip
        (folder / f"{name}.yaml").write_text(CHAIN.format(name=name, kind=kind, noise=noise, more=more))
    return folder


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipe.SLOTS, "frontend", Registry("tests.support.frontends", "frontend"))
    Wide.log.clear()
    Wide.noises.clear()


def test_every_source_and_what_is_said(root: Path, recipes: Path, tmp_path: Path) -> None:
    listener = Listener()
    front = train(
        [root / "raw"], "net", tmp_path / "front", detectors_overlay=recipes, workers=1, noise=root / "hall",
        noise_channel="far", progress=listener, device="cpu",
    )  # fmt: skip
    # Two supplemental clips of each machine, one recording of the hall, the far microphone of 16 training clips.
    assert len(front.noise) == 2 * 2 + 1 + 16
    assert not set(front.noise) & set(front.keys)
    said = "\n".join(listener.said)
    assert "4 clips; left aside: 2 clean clips of machines, 1 test clips" in said
    assert "3 clips; left aside: 1 test clips" in said
    assert "(--noise-channel far): of 16 training clips" in said
    assert "1 clips of noise are training clips, too: left out" in said
    assert "trained with 21 clips of noise" in said
    record = json.loads((tmp_path / "front" / "frontend.json").read_text())
    assert record["noise"] == list(front.noise)
    config = read_run(tmp_path / "front")["config"]
    assert config["noise"]["clips"] == 21  # type: ignore[index,call-overload]
    with pytest.raises(GensupError, match="another configuration"):
        train([root / "raw"], "net", tmp_path / "front", detectors_overlay=recipes, workers=1, device="cpu")


def test_a_fit_hears_beside_its_own_clips_alone(wide: None, root: Path, recipes: Path, tmp_path: Path) -> None:
    fit(root / "raw", "fan", "noisy", tmp_path / "det", detectors_overlay=recipes, workers=1, noise_channel=1)
    (given,) = set(Wide.noises)
    assert given is not None
    assert len(given) == 4 + 16
    assert {ref.channel for ref, clip in zip(given.audio, given.beside, strict=True) if clip is not None} == {1}
    assert {ref.channel for ref, clip in zip(given.audio, given.beside, strict=True) if clip is None} == {0}
    assert list(given.key) == sorted(given.key)
    for heard in Wide.log:
        mine = given.heard_with(heard.key)
        assert len(mine) == 4 + len(heard)
        assert {clip for clip in mine.beside if clip is not None} == set(heard.key)


def test_of_the_machines_that_were_named(wide: None, root: Path, recipes: Path, tmp_path: Path) -> None:
    front = train([root / "raw"], "noisy", tmp_path / "a", machines=["pump"], detectors_overlay=recipes, workers=1)
    assert len(front.noise) == 2
    Wide.noises.clear()
    quiet = train([root / "raw"], "quiet", tmp_path / "b", detectors_overlay=recipes, workers=1)
    assert (quiet.noise, Wide.noises) == ((), [None])


def test_noise_for_nobody(wide: None, root: Path, recipes: Path, tmp_path: Path, overlay: Path) -> None:
    how = {"workers": 1}
    for option, value, word in (("noise", root / "hall", "--noise"), ("noise_channel", 1, "--noise-channel")):
        with pytest.raises(GensupError, match=rf"{word}: nothing to use noise for.*frontend\.noise=0\.5"):
            train([root / "raw"], "quiet", tmp_path / "a", detectors_overlay=recipes, **how, **{option: value})  # type: ignore[arg-type]
    train([root / "raw"], "noisy", tmp_path / "front", detectors_overlay=recipes, **how)  # type: ignore[arg-type]
    with pytest.raises(GensupError, match="nothing to use noise for"):
        fit(
            root / "raw", "fan", "noisy", tmp_path / "det", detectors_overlay=recipes, frontend=tmp_path / "front",
            noise=root / "hall", **how,  # type: ignore[arg-type]
        )  # fmt: skip


def test_a_training_without_noise_leaves_nothing_in_the_way(wide: None, recipes: Path, tmp_path: Path) -> None:
    root, how = (
        sounds.machine(tmp_path / "data", train=6, target=0, test=0),
        {"workers": 1, "detectors_overlay": recipes},
    )
    with pytest.raises(GensupError, match="no noise to train with"):
        train([root], "noisy", tmp_path / "front", **how)  # type: ignore[arg-type]
    sounds.write(tmp_path / "noise" / "hall.wav", sounds.hum(900, hiss=2.0))
    assert len(train([root], "noisy", tmp_path / "front", noise=tmp_path / "noise", **how).noise) == 1  # type: ignore[arg-type]


def beside(root: Path, channel: object = 0) -> Beside:
    paths = sorted((root / "raw" / "fan" / "train").iterdir())
    refs = tuple(AudioRef(path, sounds.RATE, channel) for path in paths)  # type: ignore[arg-type]
    return Beside(refs, tuple(path.name for path in paths), sounds.RATE, channel)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "heard", "why"),
    [
        ({}, 0, r"frontend\.noise: no noise to train with.*--noise DIR"),
        ({"channel": 0}, 0, "not another microphone"),
        ({"channel": "far"}, 1, "not another microphone"),
        ({"channel": "mean"}, 0, "not another microphone"),
        ({"channel": 1}, "mean", "not another microphone"),
        ({"channel": 2}, 0, "no such microphone"),
        ({"folder": "raw/fan/test"}, 0, "no noise in this folder.*2 test clips"),
        ({"folder": "raw/fan/nothing"}, 0, "no such folder"),
    ],
)
def test_refused(asked: dict[str, object], heard: object, why: str, root: Path, tmp_path: Path) -> None:
    if "folder" in asked:
        asked = {"folder": root / str(asked["folder"])}
    with pytest.raises(GensupError, match=why):
        gathered(
            Asked(**asked), [root / "raw"], [], beside(root, heard), out=tmp_path, skip_bad=False,  # type: ignore[arg-type]
            engine=Inline(), progress=Listener(),
        )  # fmt: skip


def test_other_rates_are_resampled_and_said(root: Path, tmp_path: Path) -> None:

    files.write(tmp_path / "noise" / "hall.wav", sounds.hum(7, seconds=1.0), 2 * sounds.RATE, "FLOAT")
    listener = Listener()
    found = gathered(
        Asked(folder=tmp_path / "noise"), [root / "raw"], [], beside(root), out=tmp_path / "out", skip_bad=False,
        engine=Inline(), progress=listener,
    )  # fmt: skip
    (ref,) = found.audio
    assert (ref.rate, ref.read().shape) == (sounds.RATE, (1, sounds.RATE // 2))
    assert any(f"at {2 * sounds.RATE} Hz: resampled to {sounds.RATE} Hz" in line for line in listener.said)
