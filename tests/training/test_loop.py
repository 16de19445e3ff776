"""The training of a network with batch norm: killed or whole, kept steps, buffers, with and without an average."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gensup.errors import GensupError
from gensup.rng import seed
from gensup.training.course import Course
from gensup.training.loop import Trainer
from gensup.training.team import Team
from tests.support.tiny import contents

COURSE = Course(
    steps=12, batch=6, rate=0.05, warmup=0, clip=None, decay=None, validate_every=5, checkpoint_every=4, keep_at=(3, 12)
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def net() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 4, bias=False), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 3)
    )


def trainer(folder: Path, course: Course = COURSE, bad: Sequence[int] = (), scalar: bool = False) -> Trainer:
    network = net()

    def losses(step: int, rows: Sequence[int]) -> torch.Tensor:
        assert network.training
        drawn = [torch.randn(3, generator=torch.Generator().manual_seed(seed("net", step, row))) for row in rows]
        x = torch.stack(drawn)
        if step in bad:
            x[0, 0] = torch.nan
        found = (network(x) - x).square().mean(dim=1)
        return found.mean() if scalar else found

    return Trainer(folder, dict(network.named_parameters()), losses, course, Team("float32", "cpu"), module=network)


def run(made: Trainer, until: int | None = None) -> Trainer:
    for done in made.run():
        if done.number == until:
            break
    return made


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("decay", [None, 0.9])
def test_one_that_stopped_ends_with_the_same_bytes(tmp_path: Path, decay: float | None) -> None:
    course = replace(COURSE, decay=decay)
    whole = run(trainer(tmp_path / "whole", course))
    run(trainer(tmp_path / "stopped", course), until=6)
    again = trainer(tmp_path / "stopped", course)
    assert again.standing.step == 4
    run(again)
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")
    assert equal(again.candidate(), whole.candidate())
    assert "1.running_mean" in whole.candidate()


def test_kept_steps_are_what_shorter_trainings_come_to(tmp_path: Path) -> None:
    long = run(trainer(tmp_path / "long"))
    short = run(trainer(tmp_path / "short", replace(COURSE, steps=3)))
    early = long.kept(3)
    assert early is not None
    assert equal(early, short.learnt()[1])
    assert not equal(early, long.learnt()[1])
    assert long.kept(5) is None
    further = run(trainer(tmp_path / "short"))
    assert equal(further.candidate(), long.candidate())


def test_a_mean_of_losses_is_as_good_as_the_losses(tmp_path: Path) -> None:
    each, mean = run(trainer(tmp_path / "each")), run(trainer(tmp_path / "mean", scalar=True))
    assert equal(each.candidate(), mean.candidate())


def test_a_loss_that_is_not_finite_leaves_the_buffers_as_they_were(tmp_path: Path) -> None:
    made = trainer(tmp_path, bad=[2])
    before: dict[str, torch.Tensor] = {}
    for done in made.run():
        if done.number == 3:
            assert not done.taken
            assert equal(made.candidate(), before)
        before = {name: value.detach().clone() for name, value in made.candidate().items()}
    assert all(torch.isfinite(value).all() for value in made.candidate().values())
    assert not made.module.training  # type: ignore[union-attr]


def test_without_decay_of_weights_it_is_adam(tmp_path: Path) -> None:
    course = replace(COURSE, weight_decay=0.0, steps=5, keep_at=())
    made = run(trainer(tmp_path, course))
    network = net()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for step in range(5):
        x = torch.stack(
            [torch.randn(3, generator=torch.Generator().manual_seed(seed("net", step, r))) for r in range(6)]
        )
        optimizer.zero_grad()
        (network(x) - x).square().mean().backward()
        optimizer.step()
    for name, value in network.state_dict().items():
        np.testing.assert_allclose(made.candidate()[name].detach().numpy(), value.numpy(), rtol=1e-4, atol=1e-6)


def test_a_field_is_called_by_its_name() -> None:
    with pytest.raises(GensupError, match="batch"):
        replace(COURSE, batch=2, accumulate=3).checked()
