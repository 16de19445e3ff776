"""The loop: twins that are twins, severity by weight, transfer by strength and mask, bytes by the batch plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from gensup.errors import GensupError
from gensup.synthesis.diffusion.loop import Denoised, denoise, initial_noise
from gensup.synthesis.diffusion.schedules import SCHEDULERS, Schedule, make_scheduler
from tests.support.fake_family import SHAPE, FakeFamily, KnowingFamily, condition

REST = 0.06  # of the noise may be left: the last step of DDIM, DEIS, PNDM and TCD leaves sqrt(.0015) of it
STARTING = [name for name, solver in SCHEDULERS.items() if solver.starts]
every = pytest.mark.parametrize("name", list(SCHEDULERS))
starting = pytest.mark.parametrize("name", STARTING)


def made(
    weights: Sequence[float | None],
    name: str = "dpm++",
    *,
    steps: int = 4,
    seeds: Sequence[int] | None = None,
    family: FakeFamily | None = None,
    conditions: Sequence[Any] | None = None,
    **more: Any,
) -> Denoised:
    return denoise(
        family or FakeFamily(),
        SHAPE,
        seeds or [7] * len(weights),
        conditions or [condition()] * len(weights),
        Schedule(name, steps),
        guidance=more.pop("guidance", 2.5),
        weights=weights,
        rows=more.pop("rows", 4),
        **more,
    )


def sources(count: int) -> Tensor:
    return torch.stack([initial_noise(SHAPE, 100 + row) for row in range(count)])


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).square().mean().sqrt())


@every
def test_a_weight_of_nothing_is_the_normal_twin_and_more_is_further_from_it(name: str) -> None:
    normal, none, *ladder = made([0, None, 0.5, 1, 2, 4], name).latents
    assert torch.equal(normal, none)
    distances = [distance(normal, latent) for latent in ladder]
    assert 0 < distances[0] < distances[1] < distances[2] < distances[3] < float("inf")
    # The same rows guided by two captions alone: no anomaly is looked at, not even one that is no number.
    blind = made([0, None, 0.5, 1, 2, 4], name, conditions=[condition(anomaly=float("nan"))] * 2 + [condition()] * 4)
    assert torch.equal(blind.latents[:2], torch.stack([normal, none]))


@every
def test_every_scheduler_ends_where_the_data_are(name: str) -> None:
    latents = made([0, 1], name, family=KnowingFamily(), steps=20, conditions=[condition(1, 1, 3)] * 2).latents
    assert distance(latents[0], torch.ones(SHAPE)) < REST
    # normal + w (anomaly - normal) of predictions: the data lie at 1 + 1 (3 - 1).
    assert distance(latents[1], torch.full(SHAPE, 3.0)) < REST


@starting
@pytest.mark.parametrize("strength", [0.05, 0.3, 0.7])
def test_transfer_ends_where_the_data_are_from_wherever_it_begins(name: str, strength: float) -> None:
    flat = {"family": KnowingFamily(), "conditions": [condition(1, 1, 3)] * 2, "source": torch.ones(2, *SHAPE)}
    assert distance(made([0, 0], name, steps=20, strength=strength, **flat).latents, torch.ones(2, *SHAPE)) < REST


@pytest.mark.parametrize("name", ["ddim", "deis", "dpm++", "dpm++-single", "euler", "heun", "kdpm2", "lms", "unipc"])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_deterministic_schedulers_follow_the_probability_flow(name: str, strength: float) -> None:
    family, source = KnowingFamily(deviation=0.5), sources(1) * 0.5 + 1
    got = made([0], name, steps=50, family=family, conditions=[condition(1, 1, 1)], source=source, strength=strength)
    scheduler = make_scheduler(Schedule(name, 50), family.scheduler_config)
    begin = scheduler.timesteps[(50 - Schedule(name, 50).taken(strength)) * scheduler.order]
    sigma = float(family.sigma(begin))
    noisy = initial_noise(SHAPE, 7) * sigma + (source[0] if strength < 1 else 1)
    expected = 1 + (noisy - 1) * 0.5 / (0.25 + sigma**2) ** 0.5
    assert distance(got.latents[0], expected) < 0.08 * distance(expected, torch.ones(SHAPE))


@starting
def test_strength(name: str) -> None:
    source = sources(2)
    untouched = made([0, 4], name, source=source, strength=0)
    assert torch.equal(untouched.latents, source)
    assert untouched.finite == (True, True)
    # One point of the data known to the model, so that nothing but the strength moves a row away from its source.
    spread = KnowingFamily(deviation=1.0)
    moved = [
        distance(made([0], name, steps=20, family=spread, source=source[:1], strength=s).latents, source[:1])
        for s in (0.0, 0.1, 0.25, 0.5, 1.0)
    ]
    assert moved == sorted(moved)
    assert moved[0] < moved[1]
    forgotten = made([0, 4], name, source=source, strength=1)
    assert torch.equal(forgotten.latents, made([0, 4], name).latents)


@starting
def test_outside_the_mask_nothing_changes(name: str) -> None:
    source = sources(1).expand(2, -1, -1, -1)
    mask = torch.zeros(2, SHAPE[1])
    mask[:, 3:5] = 1
    normal, anomaly = made([0, 4], name, source=source, strength=0.5, mask=mask).latents
    outside = mask[0] == 0
    assert torch.equal(normal[:, outside], source[0][:, outside])
    assert torch.equal(anomaly[:, outside], source[0][:, outside])
    assert distance(normal[:, 3:5], source[0][:, 3:5]) > 0.01
    assert distance(normal[:, 3:5], anomaly[:, 3:5]) > 0.01


@starting
def test_a_mask_of_ones_is_no_mask_and_soft_edges_lie_between(name: str) -> None:
    source, mask = sources(1), torch.ones(1, SHAPE[1])
    whole = made([2], name, source=source, strength=0.5).latents
    assert torch.equal(made([2], name, source=source, strength=0.5, mask=mask).latents, whole)
    mask[:, 4:] = 0.5
    soft = made([2], name, source=source, strength=0.5, mask=mask).latents
    assert 0 < distance(soft[:, :, 4:], source[:, :, 4:]) < distance(whole[:, :, 4:], source[:, :, 4:])


@every
def test_a_row_does_not_depend_on_its_neighbours(name: str) -> None:
    weights, seeds = [0, 1, 0, 4, 0, 2], [1, 1, 2, 2, 3, 3]
    captions = [condition(), condition(), *[condition(0.2, 3, -1)] * 2, *[condition()] * 2]
    together = made(weights, name, seeds=seeds, conditions=captions).latents
    others = made(weights, name, seeds=[1, 1, 8, 8, 9, 9], conditions=[condition()] * 6).latents
    assert torch.equal(together[:2], others[:2])
    assert not torch.equal(together[2:], others[2:])
    alone = made([0, 1], name, seeds=[1, 1]).latents
    torch.testing.assert_close(together[:2], alone, rtol=1e-4, atol=1e-4)
    assert torch.equal(together, made(weights, name, seeds=seeds, conditions=captions).latents)


def test_twins_share_all_noise_and_seeds_do_not() -> None:
    for name in ("ddpm", "euler-a", "lcm", "tcd"):
        same = made([1, 1, 1], name, seeds=[5, 5, 6]).latents
        assert torch.equal(same[0], same[1])
        assert not torch.equal(same[0], same[2])
    drawn = initial_noise((8, 256, 16), 3)
    assert abs(float(drawn.mean())) < 0.03
    assert abs(float(drawn.std()) - 1) < 0.03
    assert torch.equal(drawn, initial_noise((8, 256, 16), 3))


@pytest.mark.parametrize(("weights", "columns"), [([0] * 3, 6), ([0, 1, 2], 8), ([0, 1, 2, 4, 0, 3, 1], 19)])
def test_every_call_is_as_wide_and_normal_twins_have_two_columns(weights: list[float], columns: int) -> None:
    family = FakeFamily()
    made(weights, family=family, rows=2, steps=3)
    assert family.widths == [6] * (3 * -(-columns // 6))


def test_the_formula() -> None:
    """One step of Euler's: x + (sigma' - sigma) eps, with eps by hand."""
    family = FakeFamily()
    scheduler: Any = make_scheduler(Schedule("euler", 1), family.scheduler_config)
    x = initial_noise(SHAPE, 7)[None] * scheduler.init_noise_sigma
    inputs = x / (scheduler.sigmas[0] ** 2 + 1) ** 0.5
    empty, normal, anomaly = (
        family.denoise(inputs, scheduler.timesteps[:1], {"text": torch.tensor([[number]])})
        for number in (0.0, 1.0, 2.0)
    )
    eps = empty + 2.5 * (normal - empty) + 4 * (anomaly - normal)
    torch.testing.assert_close(made([4], "euler", steps=1).latents, x - scheduler.sigmas[0] * eps, rtol=1e-4, atol=1e-4)
    eps = normal + 2 * 2.5 * (anomaly - normal)
    torch.testing.assert_close(
        made([2], "euler", steps=1, negative=True).latents, x - scheduler.sigmas[0] * eps, rtol=1e-4, atol=1e-4
    )


def test_the_plain_variant_has_the_same_normal_twin() -> None:
    plain, guided = made([0, 2], negative=True).latents, made([0, 2]).latents
    torch.testing.assert_close(plain[0], guided[0], rtol=1e-5, atol=1e-5)
    assert distance(plain[1], guided[1]) > 0.01


def test_what_is_not_finite_is_told_by_row() -> None:
    captions = [condition(), condition(normal=float("nan")), condition(anomaly=float("inf")), condition()]
    done = made([0, 0, 1, 1], conditions=captions)
    assert done.finite == (True, False, False, True)
    assert done.latents.isfinite().flatten(1).all(dim=1).tolist() == list(done.finite)


def test_half_precision_is_the_familys_alone() -> None:
    class Half(FakeFamily):
        def denoise(self, latents: Tensor, timestep: Tensor, embedding: Any) -> Tensor:
            assert latents.dtype == torch.float32
            return super().denoise(latents, timestep, embedding).bfloat16()

    latents = made([0, 1], family=Half()).latents
    assert latents.dtype == torch.float32
    assert distance(latents, made([0, 1]).latents) < 0.1 * float(latents.std())


def test_refusals() -> None:
    with pytest.raises(GensupError, match=r"begin in the middle.*got 'pndm'.*ddim.*unipc.*--twins seed"):
        made([0], "pndm", source=sources(1), strength=0.5)
    with pytest.raises(GensupError, match="not a strength"):
        made([0], source=sources(1), strength=1.5)
    with pytest.raises(GensupError, match="not a severity"):
        made([-1])
    with pytest.raises(GensupError, match="not a guidance"):
        made([1], guidance=float("nan"))
    with pytest.raises(ValueError, match="1 seeds, 1 conditions, 2 weights"):
        made([1, 1], seeds=[7], conditions=[condition()])
    with pytest.raises(ValueError, match="mask"):
        made([1], mask=torch.ones(1, SHAPE[1]))
