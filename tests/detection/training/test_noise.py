"""Noise in trainings by classes: what is heard of it, what becomes of the targets, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gensup.audio.files import AudioRef
from gensup.augmentation.noise import NoiseMix
from gensup.detection.examples import Examples
from gensup.detection.frontends.seresnet import SeResNet
from gensup.detection.frontends.ssl4asd import Ssl4Asd
from gensup.detection.means import Means
from gensup.detection.noise import Noise
from gensup.detection.training import classifying
from gensup.detection.training.waveforms import Noising, Rows, Waveforms, of_noise
from gensup.errors import GensupError
from tests.detection.training.sounds import conditions
from tests.support import sounds

TINY = SeResNet(
    seconds=0.5, high_pass=0.0, fmin=50.0, n_fft=256, hop=128, n_mels=16, dim=8, width=2, pseudo="none", steps=3,
    batch=8, stat_ex=0.0, feat_ex=0.0,
)  # fmt: skip
OTHER = Ssl4Asd(seconds=0.5, dim=8, width=16, centres=2, steps=2, batch=8)
CPU = Means(device="cpu")
NAMED = "0f9956a4f4b266c05f17c6e3b996fc65"  # as ``TINY`` was before there was noise, or a number of centres a class


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return conditions(tmp_path_factory.mktemp("conditions"), 4)


def noise(folder: Path, *seconds: float, beside: tuple[str | None, ...] | None = None) -> Noise:
    """Hisses of these lengths."""
    files = []
    for i, length in enumerate(seconds):
        hiss = np.random.default_rng([9, i]).normal(0, 0.02, size=(1, int(length * sounds.RATE)))
        files.append(sounds.write(folder / f"hiss {i}.wav", hiss))
    return Noise(
        audio=tuple(AudioRef(file, sounds.RATE) for file in files),
        key=tuple(f"hiss {i}" for i in range(len(files))),
        beside=beside or (None,) * len(files),
    )


@pytest.fixture(scope="module")
def hisses(tmp_path_factory: pytest.TempPathFactory) -> Noise:
    return noise(tmp_path_factory.mktemp("noise"), 0.5, 0.3)


def test_without_it_no_clip_of_noise_is_read_and_no_name_changes(clips: Examples, tmp_path: Path) -> None:
    gone = Noise(audio=(AudioRef(tmp_path / "gone.wav", 44_100),), key=("gone",), beside=(None,))
    one = TINY.ready(clips, replace(CPU, folder=tmp_path / "a"), 1)
    other = replace(TINY, noise_snr_db=(0.0,), noise_classes=True).ready(
        clips, replace(CPU, folder=tmp_path / "b", noise=gone), 1
    )
    assert one.weights.file is not None
    assert other.weights.file is not None
    assert one.weights.file.name == other.weights.file.name == f"{NAMED}.safetensors"
    assert one.weights.sha256 == other.weights.sha256


@pytest.mark.parametrize("front", [TINY, OTHER], ids=["seresnet", "ssl4asd"])
def test_it_is_heard_and_has_a_say_in_the_name(
    front: SeResNet | Ssl4Asd, clips: Examples, hisses: Noise, tmp_path: Path
) -> None:
    means = replace(CPU, noise=hisses, folder=tmp_path)
    found = {
        name: settings.ready(clips, given, 1).weights
        for name, settings, given in (
            ("without", front, means),
            ("noise", replace(front, noise=0.5), means),
            ("again", replace(front, noise=0.5), replace(means, folder=None)),
            ("louder", replace(front, noise=0.5, noise_snr_db=(-5.0,)), means),
            ("less", replace(front, noise=0.5), replace(means, noise=first(hisses))),
            ("classes", replace(front, noise=0.5, noise_classes=True), means),
        )
    }
    assert found["noise"].sha256 == found["again"].sha256
    assert len({one.sha256 for one in found.values()}) == len(found) - 1
    assert len({one.file.name for one in found.values() if one.file is not None}) == len(found) - 1
    assert len({one.count for one in found.values()}) == 1  # the network that travels is of one size
    assert not list(tmp_path.rglob("*.f32"))


def first(noises: Noise) -> Noise:
    return Noise(audio=noises.audio[:1], key=noises.key[:1], beside=noises.beside[:1])


def test_no_noise_is_refused(clips: Examples, hisses: Noise, tmp_path: Path) -> None:
    noisy = replace(TINY, noise=0.5)
    beside = noise(tmp_path, 0.5, 0.5, beside=("held out", "held out, too"))
    for given in (None, Noise(audio=(), key=(), beside=()), beside):
        with pytest.raises(GensupError, match=r"frontend\.noise: no noise to train with.*--noise DIR.*=0"):
            noisy.ready(clips, replace(CPU, noise=given), 1)
    slower = replace(hisses, audio=tuple(replace(ref, rate=4000) for ref in hisses.audio))
    with pytest.raises(GensupError, match="several sampling rates"):
        noisy.ready(clips, replace(CPU, noise=slower), 1)
    for wrong in ({"noise": 1.5}, {"noise_snr_db": ()}, {"noise_snr_db": (999.0,)}):
        with pytest.raises(GensupError, match="out of range"):
            replace(TINY, **wrong)  # type: ignore[arg-type]


def test_what_was_recorded_beside_clips_that_are_held_out_stays_out(
    clips: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = noise(tmp_path, 0.5, 0.5, 0.5, beside=(clips.key[0], clips.key[5], None))
    heard: list[tuple[str, ...]] = []

    def listening(front: SeResNet, noises: Noise, rate: int, seed: int) -> Rows:
        heard.append(noises.key)
        return of_noise(front, noises, rate, seed)

    monkeypatch.setattr(classifying, "of_noise", listening)
    replace(TINY, noise=0.5, steps=1).ready(clips.take(np.arange(1, 16)), replace(CPU, noise=far), 1)
    assert heard == [("hiss 1", "hiss 2")]


def test_pieces_of_long_recordings_and_short_ones_again_and_again(tmp_path: Path) -> None:
    # Half a second is a row; a rest of at least half a row is one, too.
    long = noise(tmp_path, 1.2, 1.3, 0.2, 0.5)
    rows = np.stack(list(of_noise(TINY, long, sounds.RATE, 0)))
    assert rows.shape == (2 + 3 + 1 + 1, 4000)
    first, second, third, _ = (ref.read()[0] for ref in long.audio)
    np.testing.assert_array_equal(rows[:2].ravel(), first[:8000])
    np.testing.assert_array_equal(rows[4], np.resize(second[8000:], 4000))
    np.testing.assert_array_equal(rows[5], np.resize(third, 4000))
    kept = Waveforms(tmp_path / "x" / "rows.f32", lambda: iter(rows))
    assert len(kept) == 7
    np.testing.assert_array_equal(kept[np.array([6, 0, 6])], rows[[6, 0, 6]])
    kept.close()
    assert not (tmp_path / "x" / "rows.f32").exists()


@pytest.mark.parametrize("classes", [False, True])
def test_the_ratio_and_the_targets_of_a_step(classes: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noises = rng.normal(0, 3, size=(5, 800)).astype(np.float32)
    clean = torch.from_numpy(rng.normal(size=(32, 800)).astype(np.float32))
    targets = torch.eye(4)[torch.arange(32) % 4]
    rows = Waveforms(tmp_path / "rows.f32", lambda: iter(noises))
    noising = Noising(NoiseMix((5.0, 15.0), 0.5), rows, classes)
    heard, said = noising(clean, targets, np.random.default_rng(1))
    drawn = NoiseMix((5.0, 15.0), 0.5).draw(32, 5, np.random.default_rng(1))
    assert 0 < drawn.changed.sum() < 32
    np.testing.assert_array_equal(heard[~drawn.changed], clean[~drawn.changed])
    added = (heard - clean).numpy()[drawn.changed]
    ratio = 10 * np.log10((clean.numpy()[drawn.changed] ** 2).mean(axis=1) / (added**2).mean(axis=1))
    np.testing.assert_allclose(ratio, drawn.snr_db[drawn.changed], atol=0.01)
    for row, number, offset in zip(added, drawn.noise[drawn.changed], drawn.offset[drawn.changed], strict=True):
        assert np.corrcoef(row, np.roll(noises[number], -int(offset * 800)))[0, 1] > 0.999
    if classes:
        changed = torch.from_numpy(drawn.changed).float()[:, None]
        torch.testing.assert_close(said, torch.cat([targets * (1 - changed), targets * changed], dim=1))
    else:
        assert said is targets


def test_classes_that_name_no_condition_have_centres_of_their_own(clips: Examples, tmp_path: Path) -> None:
    """AnoPatch's division: sub-centres where a label says no operating condition, one centre elsewhere."""
    plain = replace(clips, plain=np.array([label in "cd" for label in clips.label or ()]))
    front = replace(TINY, loss="sub-centre-arc-face", centres=3, centres_of="plain")
    learner = front.learner(sounds.RATE, 8, torch.Generator().manual_seed(0), (False, False, True, True))
    assert [int(row) for row in learner.head.lacking.sum(dim=1)] == [2, 2, 0, 0] * 2  # type: ignore[union-attr,operator]
    means = replace(CPU, folder=tmp_path)
    weights = [front.ready(given, means, 1).weights for given in (clips, plain)]
    assert weights[0].sha256 != weights[1].sha256
    assert len(list(tmp_path.glob("training-*"))) == 2
    ones = replace(front, loss="arc-face").ready(clips, means, 1).weights  # nothing is plain: one centre each
    assert ones.sha256 == weights[0].sha256
