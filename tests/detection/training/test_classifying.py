"""Frontends that are trained by classes: they learn, and where they are kept changes nothing."""

from __future__ import annotations

import os
import pickle
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gensup.detection import learnt
from gensup.detection.by_classes import Classifier
from gensup.detection.examples import Examples
from gensup.detection.frontends.seresnet import SeResNet
from gensup.detection.frontends.ssl4asd import Ssl4Asd
from gensup.detection.learnt import Learnt
from gensup.detection.means import Means
from gensup.detection.training import keeping
from gensup.detection.training.classifying import Learner
from gensup.detection.training.leftovers import forget
from gensup.errors import GensupError
from gensup.store import RunLock
from gensup.training import loop
from gensup.training.course import Course
from tests.detection.training.sounds import conditions
from tests.support.children import status


class Hurried(SeResNet):
    """Leaves a checkpoint every other step."""

    __slots__ = ()

    def course(self, steps: int) -> Course:
        return replace(super().course(steps), checkpoint_every=2, validate_every=2)


TINY = Hurried(
    seconds=0.5, high_pass=0.0, fmin=50.0, n_fft=256, hop=128, n_mels=32, dim=8, width=2, pseudo="none", steps=6,
    batch=8, rate=3e-3,
)  # fmt: skip
CPU = Means(device="cpu")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return conditions(tmp_path_factory.mktemp("conditions"), 6)


def embeddings(front: Learnt, clips: Examples) -> np.ndarray:
    return np.stack([front.tokens(ref.read(), ref.rate).x[0, 0] for ref in clips.audio])


def nearest(known: np.ndarray, labels: tuple[str, ...], asked: np.ndarray) -> list[str]:
    """Label of the nearest known embedding, by angle."""
    known, asked = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (known, asked))
    return [labels[i] for i in (asked @ known.T).argmax(axis=1)]


@pytest.mark.parametrize(
    ("front", "better"),
    [
        (replace(TINY, steps=40, width=4, dim=16, stat_ex=0.0, feat_ex=0.0, mixup=0.2), 0.8),
        (replace(TINY, steps=50, width=4, dim=16, loss="sub-cluster-ada-cos", centres=2), 0.7),
        (Ssl4Asd(seconds=0.5, dim=16, width=16, centres=2, mixup=0.2, steps=60, batch=24, rate=5e-3), 0.7),
    ],
    ids=["seresnet", "seresnet-augmented", "ssl4asd"],
)
def test_it_learns_conditions_of_clips_that_it_never_heard(
    front: SeResNet | Ssl4Asd, better: float, clips: Examples, tmp_path: Path
) -> None:
    made = front.ready(clips, CPU, 0)
    held_out = conditions(tmp_path, 6, first=100)
    found = nearest(embeddings(made, clips), clips.label or (), embeddings(made, held_out))
    assert np.mean(np.array(found) == np.array(held_out.label)) >= better  # a quarter by chance


def test_the_same_seed_is_the_same_bytes_and_another_is_not(clips: Examples, tmp_path: Path) -> None:
    one, other = TINY.ready(clips, CPU, 1), TINY.ready(clips, replace(CPU, folder=tmp_path), 1)
    assert one.fingerprint == other.fingerprint
    assert one.weights.sha256 == other.weights.sha256
    assert TINY.ready(clips, CPU, 2).weights.sha256 != one.weights.sha256
    assert len(pickle.dumps(other)) < 1500 < len(pickle.dumps(one))  # weights stay in their file
    np.testing.assert_array_equal(embeddings(one, clips.take([0, 7])), embeddings(other, clips.take([0, 7])))


def train_and_die(folder: Path, last: int) -> None:
    """Train in ``folder / "kept"``, and be killed at the step ``last``; for a process of its own."""
    torch.set_num_threads(1)
    whole = loop.Trainer._step

    def dying(self: loop.Trainer) -> loop.Step:
        if self.standing.step == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(self)

    loop.Trainer._step = dying  # type: ignore[method-assign]
    TINY.ready(conditions(folder / "clips", 6), Means(folder=folder / "kept", device="cpu"), 1)


def test_killed_it_continues_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    assert status(train_and_die, tmp_path, 5) == -signal.SIGKILL
    clips = conditions(tmp_path / "clips", 6)
    assert [path.name for path in (tmp_path / "kept").rglob("step-*")] == ["step-000000004"]
    again = TINY.ready(clips, Means(folder=tmp_path / "kept", device="cpu"), 1)
    assert again.weights.sha256 == TINY.ready(clips, CPU, 1).weights.sha256


def test_what_is_trained_is_found_again(clips: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    means = replace(CPU, folder=tmp_path)
    made = TINY.ready(clips, means, 1)
    monkeypatch.setattr(keeping, "trained", None)
    monkeypatch.setattr("gensup.detection.training.classifying.trained", None)
    assert TINY.ready(clips, means, 1) == made
    with pytest.raises(TypeError):
        TINY.ready(clips.take(np.arange(20)), means, 1)


@pytest.mark.parametrize("order", [(3, 6), (6, 3)])
def test_more_steps_go_on_from_fewer(order: tuple[int, int], clips: Examples, tmp_path: Path) -> None:
    means = replace(CPU, folder=tmp_path)
    found = {steps: replace(TINY, steps=steps).ready(clips, means, 1).weights.sha256 for steps in order}
    for steps in order:
        assert found[steps] == replace(TINY, steps=steps).ready(clips, CPU, 1).weights.sha256
    assert found[3] != found[6]
    assert len(list(tmp_path.glob("training-*"))) == 1
    assert not list(tmp_path.rglob("*.f32"))


def test_what_finished_trainings_leave_is_forgotten_at_the_end(
    clips: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    means = replace(CPU, folder=tmp_path)
    made = {steps: replace(TINY, steps=steps).ready(clips, means, 1) for steps in (2, 4)}
    unfinished = tmp_path / "training-0"
    for kept in ("kept/step-000000002", "checkpoints/step-000000004"):
        (unfinished / kept).mkdir(parents=True)
    (tmp_path / "gone-training-1" / "checkpoints").mkdir(parents=True)  # of a run that was killed at this
    (busy,) = (path for path in tmp_path.glob("training-*") if path != unfinished)
    with RunLock(busy):
        forget(tmp_path)
    assert busy.is_dir()
    forget(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["training-0"]
    assert len(list(unfinished.glob("*/step-*"))) == 2
    monkeypatch.setattr("gensup.detection.training.classifying.trained", None)
    for steps, one in made.items():
        assert replace(TINY, steps=steps).ready(clips, means, 1) == one
    forget(tmp_path / "nowhere")


def test_other_machines_are_classes_too(clips: Examples, tmp_path: Path) -> None:
    alone, others = clips.take(np.arange(6)), clips.take(np.arange(6, 24))
    with pytest.raises(GensupError, match=r"one class only.*--machines all"):
        TINY.ready(alone, CPU, 1)
    made = TINY.ready(alone, replace(CPU, others=others), 1)
    assert made.weights.sha256 == TINY.ready(clips, CPU, 1).weights.sha256


def test_pseudo_attributes_make_classes(clips: Examples) -> None:
    plain = replace(clips, label=("fan",) * len(clips), plain=np.ones(len(clips), dtype=bool))
    with pytest.raises(GensupError, match="one class only"):
        TINY.ready(plain, CPU, 1)
    made = replace(TINY, pseudo="spectra", pseudo_groups=4, steps=2).ready(plain, CPU, 1)
    assert np.isfinite(embeddings(made, clips.take([0]))).all()


def test_it_travels_in_a_file_and_back(clips: Examples, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    made = TINY.ready(clips, CPU, 1)
    state = {f"frontend//{name}": np.ascontiguousarray(array) for name, array in made.state().items()}
    save_file({**state, "fan/00/bank": np.zeros(3)}, tmp_path / "model.safetensors")
    back = TINY.restore(tmp_path / "model.safetensors", CPU)
    assert back.fingerprint == made.fingerprint
    assert back.n_parameters == made.n_parameters == TINY.untrained(CPU).n_parameters
    np.testing.assert_array_equal(embeddings(back, clips.take([3])), embeddings(made, clips.take([3])))
    with pytest.raises(GensupError, match="another network"):
        replace(TINY, width=3).restore(tmp_path / "model.safetensors", CPU)
    save_file({"fan/00/bank": np.zeros(3)}, tmp_path / "none.safetensors")
    with pytest.raises(GensupError, match="lack the frontend"):
        TINY.restore(tmp_path / "none.safetensors", CPU)


def test_weights_that_were_exchanged_are_refused(clips: Examples, tmp_path: Path) -> None:
    means = replace(CPU, folder=tmp_path)
    one, two = TINY.ready(clips, means, 1), TINY.ready(clips, means, 2)
    assert one.weights.file is not None
    assert two.weights.file is not None
    two.weights.file.rename(one.weights.file)
    learnt._opened.cache_clear()
    with pytest.raises(GensupError, match="weights have changed"):
        one.tokens(clips.audio[0].read(), clips.audio[0].rate)


def test_too_little_memory_is_said(clips: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*asked: object, **how: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate.")

    made = TINY.ready(clips, CPU, 1)
    learnt._opened.cache_clear()
    monkeypatch.setattr(SeResNet, "opened", full)
    with pytest.raises(GensupError, match=r"out of memory with the network alone.*CUDA out of memory.*--device cpu"):
        made.tokens(clips.audio[0].read(), clips.audio[0].rate)
    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(GensupError, match=r"out of memory in training.*a smaller frontend\.batch"):
        TINY.ready(clips, CPU, 1)


def test_another_rate_is_refused_and_untrained_hears_any(clips: Examples) -> None:
    made = TINY.ready(clips, CPU, 1)
    with pytest.raises(GensupError, match="another sampling rate"):
        made.tokens(clips.audio[0].read(), 16_000)
    assert TINY.untrained(CPU).tokens(clips.audio[0].read(), 4000).x.shape == (1, 1, 8)
    with pytest.raises(GensupError, match="the device is not here"):
        replace(TINY, dim=9).untrained(Means(device="cuda:99")).tokens(clips.audio[0].read(), 4000)


@pytest.mark.parametrize(
    "front", [TINY, Ssl4Asd(seconds=0.5, dim=8, width=8)], ids=["seresnet", "ssl4asd"]
)  # fmt: skip
def test_many_are_each_alone(front: SeResNet | Ssl4Asd, clips: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    made, heard = front.untrained(CPU), [ref.read() for ref in clips.audio[:3]]
    rate = clips.audio[0].rate
    alone = [made.tokens(clip, rate).x for clip in heard]
    np.testing.assert_array_equal([tokens.x for tokens in made.tokens_many(heard, rate)], alone)
    monkeypatch.setattr(learnt, "on_gpu", lambda device: True)
    assert made.batch == 64
    together = np.array([tokens.x for tokens in made.tokens_many(heard, rate)])
    np.testing.assert_allclose(together, alone, atol=1e-5 * np.std(alone))


def test_clips_of_any_length_are_laid() -> None:
    x = np.arange(5, dtype=np.float32)
    front = replace(TINY, seconds=0.5)
    np.testing.assert_array_equal(front.laid(x, 16), [0, 1, 2, 3, 4, 0, 1, 2])
    np.testing.assert_array_equal(front.laid(np.arange(20, dtype=np.float32), 16), np.arange(8))
    rolled = Ssl4Asd(seconds=0.5).laid(x, 16, np.random.default_rng(0))
    assert sorted(set(np.diff(rolled))) == [-4.0, 1.0]


@pytest.mark.parametrize(
    ("change", "word"), [({"batch": 1}, "batch"), ({"mixup": 1.5}, "mixup"), ({"loss": "ada-cosine"}, "ada-cos")]
)
def test_settings_that_make_no_sense(change: dict[str, object], word: str) -> None:
    with pytest.raises(GensupError, match=word):
        replace(TINY, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("base", [Learner, Classifier])
def test_what_lacks_its_own_part_is_not_made(base: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        base()
