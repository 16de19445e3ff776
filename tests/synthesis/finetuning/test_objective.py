"""The loss against formulas in float64, and padding that cannot be heard."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gensup.errors import GensupError
from gensup.synthesis.finetuning.objective import PREDICTIONS, Objective

BETAS = {"beta_start": 0.0015, "beta_end": 0.0195, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
TIMESTEPS = torch.tensor([0, 17, 500, 999])


def config(prediction: str = "epsilon", **more: object) -> dict[str, object]:
    return {"_class_name": "DDIMScheduler", **BETAS, "prediction_type": prediction, "steps_offset": 1, **more}


def kept() -> np.ndarray:
    """The share of the signal's power at each timestep, from the published schedule's definition."""
    betas = np.linspace(0.0015**0.5, 0.0195**0.5, 1000, dtype=np.float64) ** 2
    return np.cumprod(1 - betas)


@pytest.fixture
def drawn() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    shape = (4, 3, 6, 5)
    real = torch.ones(4, 6, dtype=torch.bool)
    real[1, 4:] = False
    real[2, :3] = False
    latents, noise, predicted = (torch.randn(shape) for _ in range(3))
    return {"predicted": predicted, "latents": latents, "noise": noise, "timesteps": TIMESTEPS, "real": real}


def reference(drawn: dict[str, torch.Tensor], prediction: str, gamma: float | None) -> np.ndarray:
    """By rows and elements, in float64: the squared error over what is real, and the weight of Hang et al. (2023)."""
    found = []
    for row, timestep in enumerate(TIMESTEPS.tolist()):
        a = kept()[timestep]
        x, n, p = (drawn[name][row].double().numpy() for name in ("latents", "noise", "predicted"))
        wanted = {"epsilon": n, "sample": x, "v_prediction": np.sqrt(a) * n - np.sqrt(1 - a) * x}[prediction]
        errors = [(p - wanted)[:, h, w] ** 2 for h in range(6) for w in range(5) if drawn["real"][row, h]]
        snr = a / (1 - a)
        weight = 1.0
        if gamma is not None:
            weight = {
                "epsilon": min(snr, gamma) / snr,
                "sample": min(snr, gamma),
                "v_prediction": min(snr, gamma) / (snr + 1),
            }[prediction]
        found.append(np.mean(errors) * weight)
    return np.array(found)


@pytest.mark.parametrize("gamma", [None, 5.0])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_loss_is_the_formula(drawn: dict[str, torch.Tensor], prediction: str, gamma: float | None) -> None:
    losses = Objective(config(prediction), gamma).losses(**drawn)
    np.testing.assert_allclose(losses.numpy(), reference(drawn, prediction, gamma), rtol=2e-5)
    plain = Objective(config(prediction), gamma).losses(**drawn, weighted=False)
    np.testing.assert_allclose(plain.numpy(), reference(drawn, prediction, None), rtol=2e-5)


def test_min_snr_weighs_the_error_of_the_sample_whatever_is_predicted() -> None:
    """One wrong sample, said in three ways, has one weighted loss."""
    torch.manual_seed(1)
    x, noise, wrong = (torch.randn(4, 2, 3, 3).double() for _ in range(3))
    a = torch.from_numpy(kept())[TIMESTEPS].reshape(-1, 1, 1, 1)
    noised = a.sqrt() * x + (1 - a).sqrt() * noise
    guessed = x + 0.1 * wrong
    eps = (noised - a.sqrt() * guessed) / (1 - a).sqrt()
    said = {"sample": guessed, "epsilon": eps, "v_prediction": a.sqrt() * eps - (1 - a).sqrt() * guessed}
    real = torch.ones(4, 3, dtype=torch.bool)
    found = [Objective(config(p), 5.0).losses(said[p], x, noise, TIMESTEPS, real) for p in PREDICTIONS]
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=0)
    torch.testing.assert_close(found[0], found[2], rtol=1e-3, atol=0)


def test_noising_is_diffusers_own(drawn: dict[str, torch.Tensor]) -> None:
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(**BETAS)
    words = drawn["latents"], drawn["noise"], TIMESTEPS
    torch.testing.assert_close(Objective(config()).noised(*words), scheduler.add_noise(*words), rtol=1e-5, atol=1e-6)
    velocity = Objective(config("v_prediction")).target(*words)
    torch.testing.assert_close(velocity, scheduler.get_velocity(*words), rtol=1e-5, atol=1e-6)


def test_what_stands_in_the_padding_counts_for_nothing(drawn: dict[str, torch.Tensor]) -> None:
    objective = Objective(config())
    predicted = drawn["predicted"].clone().requires_grad_(True)
    before = objective.losses(**drawn | {"predicted": predicted})
    before.sum().backward()
    padding = ~drawn["real"][:, None, :, None].expand_as(predicted)
    assert predicted.grad is not None
    assert bool((predicted.grad[padding] == 0).all())
    assert bool((predicted.grad[~padding] != 0).all())
    odd = torch.where(padding, torch.nan, drawn["predicted"])
    torch.testing.assert_close(objective.losses(**drawn | {"predicted": odd}), before.detach())


def test_a_last_timestep_without_signal_has_a_finite_weight() -> None:
    objective = Objective(config(rescale_betas_zero_snr=True), 5.0)
    assert torch.isfinite(objective.weights(torch.tensor([0, 999]))).all()
    assert objective.weights(torch.tensor([999])) == 1


def test_a_prediction_that_nobody_knows_is_refused() -> None:
    with pytest.raises(GensupError, match="flow"):
        Objective(config("flow"))
