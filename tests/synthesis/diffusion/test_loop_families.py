"""The loop on tiny models of both families, loaded from disk: random weights, true classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from gensup._compat import ensure_torchaudio
from gensup.synthesis.diffusion.checkpoint import open_checkpoint
from gensup.synthesis.diffusion.family import FAMILIES, Family
from gensup.synthesis.diffusion.loop import Condition, Denoised, denoise, initial_noise
from gensup.synthesis.diffusion.schedules import SCHEDULERS, Schedule
from tests.support.tiny_diffusion import save_tiny

SECONDS = 0.64
CAPTIONS = ("", "This is the normal sound of a fan.", "This is the anomaly sound of a fan, with a bearing that grinds.")


@pytest.fixture(scope="module", params=["audioldm", "audioldm2"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Family, Condition]:
    folder = save_tiny(tmp_path_factory.mktemp("tiny") / request.param, request.param)
    family: Family = FAMILIES.load(request.param).open(open_checkpoint(str(folder)))
    captions = Condition(*family.encode_text(CAPTIONS))
    family.unload_encoders()
    return family, captions


def made(opened: tuple[Family, Condition], weights: Sequence[float], name: str = "dpm++", **more: Any) -> Denoised:
    family, captions = opened
    return denoise(
        family,
        family.grid.latent(SECONDS),
        more.pop("seeds", [7] * len(weights)),
        [captions] * len(weights),
        Schedule(name, more.pop("steps", 4)),
        guidance=3.5,
        weights=weights,
        rows=len(weights),
        **more,
    )


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).square().mean().sqrt())


@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_every_scheduler(opened: tuple[Family, Condition], name: str) -> None:
    done = made(opened, [0, 1], name)
    assert done.finite == (True, True)
    assert distance(*done.latents) > 0


def test_a_ladder(opened: tuple[Family, Condition]) -> None:
    normal, *ladder = made(opened, [0, 0.5, 1, 2, 4]).latents
    distances = [distance(normal, latent) for latent in ladder]
    assert 0 < distances[0] < distances[1] < distances[2] < distances[3]


def test_a_weight_of_nothing_is_the_normal_captions_clip(opened: tuple[Family, Condition]) -> None:
    """Bit for bit, where the anomaly's caption says what the normal one says, and where it says another thing."""
    family, captions = opened
    plain = Condition(captions.empty, captions.normal, captions.normal)
    shape, schedule = family.grid.latent(SECONDS), Schedule("unipc", 5)
    common: dict[str, Any] = {"guidance": 3.5, "rows": 2}
    ladder = denoise(family, shape, [3, 3], [captions] * 2, schedule, weights=[0, 2], **common).latents
    normal = denoise(family, shape, [3, 3], [plain] * 2, schedule, weights=[None, 2], **common).latents
    assert torch.equal(ladder[0], normal[0])
    assert not torch.equal(ladder[1], normal[1])
    torch.testing.assert_close(normal[1], normal[0], rtol=1e-4, atol=1e-4)  # a weight of no difference is none


@pytest.mark.parametrize("name", ["ddim", "dpm++", "euler-a", "heun"])
def test_transfer(opened: tuple[Family, Condition], name: str) -> None:
    shape = opened[0].grid.latent(SECONDS)
    source = torch.stack([initial_noise(shape, seed) for seed in (1, 1, 2)])
    more: dict[str, Any] = {"source": source, "seeds": [7, 7, 8]}
    assert torch.equal(made(opened, [0, 4, 1], name, strength=0, **more).latents, source)
    mask = torch.zeros(3, shape[1])
    mask[:, 5:9] = 1
    done = made(opened, [0, 4, 1], name, strength=0.5, mask=mask, **more)
    outside = mask[0] == 0
    assert all(done.finite)
    assert torch.equal(done.latents[:, :, outside], source[:, :, outside])
    assert distance(done.latents[0], done.latents[1]) > 0
    forgotten = made(opened, [0, 4, 1], name, strength=1, **more)
    assert torch.equal(forgotten.latents, made(opened, [0, 4, 1], name, seeds=[7, 7, 8]).latents)


def test_the_stronger_the_further(opened: tuple[Family, Condition]) -> None:
    source = initial_noise(opened[0].grid.latent(SECONDS), 1)[None]
    moved = [
        distance(made(opened, [0], steps=10, source=source, strength=strength).latents, source)
        for strength in (0, 0.2, 0.5, 0.8, 1)
    ]
    assert moved == sorted(moved)
    assert moved[0] == 0 < moved[1]


def test_a_normal_twin_is_ordinary_guidance(opened: tuple[Family, Condition]) -> None:
    """As the pipelines of diffusers have it: DDIM's own steps, and the empty caption beside the normal one."""
    ensure_torchaudio()
    from diffusers import DDIMScheduler

    family, captions = opened
    scheduler = DDIMScheduler.from_config(dict(family.scheduler_config))
    scheduler.set_timesteps(10)
    latents = initial_noise(family.grid.latent(SECONDS), 7)[None]
    both = family.stack([captions.empty, captions.normal])
    with torch.no_grad():
        for timestep in scheduler.timesteps:
            predicted = family.denoise(torch.cat([latents] * 2), timestep.expand(2), both)
            towards = predicted[:1] + 3.5 * (predicted[1:] - predicted[:1])
            latents = scheduler.step(towards, timestep, latents).prev_sample
    torch.testing.assert_close(made(opened, [0], "ddim", steps=10).latents, latents, rtol=1e-3, atol=1e-3)
