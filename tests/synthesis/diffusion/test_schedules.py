"""Schedulers by name: made from a checkpoint's configuration, spanning its training, refused where they cannot."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from gensup.errors import GensupError
from gensup.synthesis.diffusion.schedules import PRESETS, SCHEDULERS, Schedule, make_scheduler, preset
from tests.support.fake_family import CONFIG

EVEN = [name for name, solver in SCHEDULERS.items() if solver.even]
DISTILLED = ["lcm", "tcd"]
FREE = [name for name in SCHEDULERS if name not in (*EVEN, *DISTILLED, "heun", "kdpm2")]


def timesteps(name: str, steps: int, **more: object) -> list[float]:
    return make_scheduler(Schedule(name, steps), CONFIG | more).timesteps.tolist()


@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_the_checkpoints_own_words_hold(name: str) -> None:
    scheduler: Any = make_scheduler(Schedule(name, 20), CONFIG | {"beta_end": 0.0123, "unheard_of": 1})
    assert type(scheduler).__name__ == SCHEDULERS[name].cls
    assert scheduler.config["beta_start"] == 0.0015
    assert scheduler.config["beta_end"] == 0.0123
    assert scheduler.config["beta_schedule"] == "scaled_linear"
    assert scheduler.timesteps.max() >= 940


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_made_without_a_warning(name: str) -> None:
    assert make_scheduler(Schedule(name, 20), CONFIG | {"beta_end": 0.0124}).timesteps.max() >= 940


def test_defaults_of_another_class_are_not_the_checkpoints_words() -> None:
    said = CONFIG | {"_use_default_values": ["timestep_spacing"]}
    assert make_scheduler(Schedule("euler", 20), said).timesteps[0] == 999  # its own default: linspace
    assert timesteps("euler", 20)[0] == 951


@pytest.mark.parametrize("name", FREE)
@pytest.mark.parametrize("steps", [1, 4, 61, 400, 600, 794])
def test_counts_that_a_spacing_gets_wrong(name: str, steps: int) -> None:
    for spacing in ("leading", "trailing"):
        got = timesteps(name, steps, timestep_spacing=spacing)
        assert len(got) == steps
        assert 850 <= got[0] < 1000
        assert min(got) >= 0
        assert all(later < earlier for earlier, later in pairwise(got))


@pytest.mark.parametrize("name", EVEN)
def test_even_strides(name: str) -> None:
    for steps in (4, 50, 200, 500, 1000):
        assert max(timesteps(name, steps)) >= 850
    with pytest.raises(GensupError, match=r"--steps.*got 600.*divides 1000.*dpm\+\+"):
        timesteps(name, 600)


@pytest.mark.parametrize("name", DISTILLED)
def test_distilled_schedules_are_short(name: str) -> None:
    assert timesteps(name, 50)[0] == 999
    with pytest.raises(GensupError, match="at most 50"):
        timesteps(name, 51)
    assert len(timesteps(name, 51, original_inference_steps=100)) == 51


def test_steps_of_transfer() -> None:
    assert [Schedule("dpm++", 20).taken(s) for s in (0, 0.001, 0.1, 0.15, 0.29, 0.5, 1)] == [0, 1, 2, 3, 5, 10, 20]
    assert Schedule("dpm++", 100).taken(0.29) == 29  # .29 * 100 is 28.999…


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (Schedule("dpm", 20), r"unknown scheduler.*did you mean .*dpm\+\+\?"),
        (Schedule("ddim", 0), "1 to 1000"),
        (Schedule("ddim", 1001), "1 to 1000"),
        (Schedule("pndm", 3), "4 to 1000"),
    ],
)
def test_refused(schedule: Schedule, said: str) -> None:
    with pytest.raises(GensupError, match=said):
        schedule.checked()


def test_a_training_with_fewer_timesteps() -> None:
    with pytest.raises(GensupError, match="at most 100"):
        timesteps("dpm++", 200, num_train_timesteps=100)
    assert timesteps("euler", 20, num_train_timesteps=100)[0] >= 85


def test_presets() -> None:
    for name, known in PRESETS.items():
        assert make_scheduler(known.schedule, CONFIG).timesteps[0] > 900
        assert preset(name) is known
    assert PRESETS["paper"].schedule == Schedule("ddim", 200)
    with pytest.raises(GensupError, match=r"unknown preset.*paper, balanced, fast"):
        preset("quick")
