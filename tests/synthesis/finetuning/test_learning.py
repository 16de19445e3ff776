"""It learns: eight clips are overfitted, what is generated moves towards them, and conditions come to be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from benchmarks.learning import Learning, distance
from gensup.synthesis.diffusion.checkpoint import open_checkpoint
from gensup.synthesis.finetuning.course import Course
from gensup.synthesis.finetuning.session import opened
from gensup.training.team import Team
from tests.support.tiny_diffusion import save_tiny
from tests.synthesis.finetuning.conditions import recordings

WHOLE = Course(
    rank=None, steps=120, batch=8, rate=1e-2, warmup=10, decay=0.95, seconds=0.3, wraps=1,
    validate_every=1000, checkpoint_every=1000,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the same questions were answered before and after the training."""

    learning: Learning
    loss: tuple[float, float]
    away: tuple[float, float]  # of normal twins to the normal clips
    ends: tuple[tuple[float, float], tuple[float, float]]  # after: of w = 0 and w = 4 to the normal and anomalous clips
    auc: tuple[float | None, float | None]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """A whole tiny UNet, trained on eight clips."""
    folder = tmp_path_factory.mktemp("learning")
    model = save_tiny(folder / "model", "audioldm", halvings=2)
    learning = Learning.under(folder, model, recordings(folder / "data"), WHOLE)

    def asked() -> tuple[float, float, float | None]:
        return learning.loss(), distance(learning.generated(0.0), learning.latents[:4]), learning.auc()

    before = asked()
    for step in learning.trainer.run():
        assert step.taken
    learning.session.finish(learning.trainer, learning.out)  # its UNet holds the average from here on
    loss, away, auc = zip(before, asked(), strict=True)
    made, clips = (learning.generated(0.0), learning.generated(4.0)), learning.latents.split(4)
    ends = tuple((distance(twins, clips[0]), distance(twins, clips[1])) for twins in made)
    return Heard(learning, loss, away, ends, auc)  # type: ignore[arg-type]


def test_eight_clips_are_overfitted(heard: Heard) -> None:
    before, after = heard.loss
    assert before > 0.8  # noise is as loud as noise is
    assert after * 3 < before


def test_what_is_generated_moves_towards_the_clips(heard: Heard) -> None:
    before, after = heard.away
    assert after < 0.65 * before
    (normal, away_from_anomalies), (away_from_normals, anomaly) = heard.ends
    assert normal < away_from_anomalies
    assert anomaly < away_from_normals


def test_severities_come_to_be_told_apart(heard: Heard) -> None:
    before, after = heard.auc
    assert before is not None
    assert after is not None
    assert 0.2 < before < 0.8
    assert after > 0.9


def test_audioldm2_learns_too(tmp_path: Path) -> None:
    """Its own UNet under its own embeddings, of two widths and with masks."""
    model = save_tiny(tmp_path / "model", "audioldm2", halvings=2)
    course = replace(WHOLE, steps=20, batch=4, decay=0.8)
    learning = Learning.under(tmp_path, model, recordings(tmp_path / "data"), course)
    before = learning.loss()
    assert all(step.taken for step in learning.trainer.run())
    learning.session.finish(learning.trainer, learning.out)
    assert learning.loss() < 0.8 * before


def test_generators_load_what_was_learnt(heard: Heard) -> None:
    learning = heard.learning
    checkpoint = open_checkpoint(str(learning.out))
    assert checkpoint.adapters == learning.out.resolve()
    assert checkpoint.licence == learning.checkpoint.licence
    unet = opened(checkpoint, Team("float32", "cpu")).unet
    average = learning.trainer.ema.average
    assert all(torch.equal(value, average[name]) for name, value in unet.named_parameters())
