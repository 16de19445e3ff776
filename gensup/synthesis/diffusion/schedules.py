"""How a latent is denoised: diffusers' schedulers by short names, made from a checkpoint's own configuration."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from inspect import signature
from math import floor
from typing import TYPE_CHECKING, Any, Protocol

from gensup._compat import ensure_torchaudio
from gensup.errors import GensupError
from gensup.registry import unknown

if TYPE_CHECKING:
    from torch import Generator, Tensor

MOST_STEPS = 1000
FIRST = 0.85  # a schedule begins within this last share of the training's timesteps: before it, noise is no start
UNEVEN = 0.1  # by how much a stride may differ from the one that an "even" scheduler believes it takes


@dataclass(frozen=True, slots=True)
class Solver:
    """One of diffusers' schedulers, and what must be known to use it rightly."""

    module: str
    cls: str
    starts: bool = True  # may begin in the middle, as transfer does
    even: bool = False  # steps by T // steps timesteps, whatever its list of timesteps says
    fewest: int = 1  # steps
    settings: tuple[tuple[str, object], ...] = ()  # beside the checkpoint's own


SCHEDULERS: Mapping[str, Solver] = {
    "ddim": Solver("scheduling_ddim", "DDIMScheduler", even=True),
    "ddpm": Solver("scheduling_ddpm", "DDPMScheduler"),
    "deis": Solver("scheduling_deis_multistep", "DEISMultistepScheduler"),
    "dpm++": Solver("scheduling_dpmsolver_multistep", "DPMSolverMultistepScheduler"),
    "dpm++-single": Solver(
        "scheduling_dpmsolver_singlestep",
        "DPMSolverSinglestepScheduler",
        settings=(("lower_order_final", True),),  # it sets this itself for most counts of steps, and warns
    ),
    "euler": Solver("scheduling_euler_discrete", "EulerDiscreteScheduler"),
    "euler-a": Solver("scheduling_euler_ancestral_discrete", "EulerAncestralDiscreteScheduler"),
    "heun": Solver("scheduling_heun_discrete", "HeunDiscreteScheduler"),
    "kdpm2": Solver("scheduling_k_dpm_2_discrete", "KDPM2DiscreteScheduler"),
    "lcm": Solver("scheduling_lcm", "LCMScheduler"),  # wants weights distilled for it, as TCD does
    "lms": Solver("scheduling_lms_discrete", "LMSDiscreteScheduler"),
    # Its first steps are of another kind (Runge-Kutta), for which it needs four.
    "pndm": Solver("scheduling_pndm", "PNDMScheduler", starts=False, even=True, fewest=4),
    "tcd": Solver("scheduling_tcd", "TCDScheduler"),
    "unipc": Solver("scheduling_unipc_multistep", "UniPCMultistepScheduler"),
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which scheduler, and how many steps of it from pure noise."""

    name: str = "dpm++"
    steps: int = 20

    def checked(self) -> Schedule:
        """Itself.

        Raises:
            GensupError: no such scheduler, or a count of steps that it cannot take.
        """
        if self.name not in SCHEDULERS:
            raise unknown("scheduler", self.name, tuple(SCHEDULERS), where="--scheduler")
        fewest = SCHEDULERS[self.name].fewest
        if not fewest <= self.steps <= MOST_STEPS:
            raise _refused(self, f"{self.name} takes {fewest} to {MOST_STEPS}")
        return self

    def taken(self, strength: float) -> int:
        """Of its steps, those that transfer at a strength takes: their share, rounded down, but one if there is any.

        Raises:
            GensupError: the strength is not within 0 to 1, or the scheduler cannot begin in the middle.
        """
        if not 0 <= strength <= 1:  # NaN is not
            raise GensupError("not a strength", where="--strength", value=strength, rule="from 0 to 1")
        if not SCHEDULERS[self.checked().name].starts:
            raise GensupError(
                "cannot begin in the middle, as transfer does",
                where="--scheduler",
                value=self.name,
                rule=f"these do: {', '.join(name for name, solver in SCHEDULERS.items() if solver.starts)}",
                remedy="choose one of them, or --twins seed",
            )
        return max(1, floor(round(strength * self.steps, 6))) if strength else 0


@dataclass(frozen=True, slots=True)
class Preset:
    """A schedule with a name, and why it is one."""

    schedule: Schedule
    why: str


PRESETS: Mapping[str, Preset] = {
    "paper": Preset(
        Schedule("ddim", 200),
        "what AudioLDM and AudioLDM2 were published with: 200 steps of DDIM; deterministic (eta 0), as in diffusers",
    ),
    "balanced": Preset(
        Schedule("dpm++", 50),
        "a second-order solver (DPM-Solver++ 2M): a quarter of the paper's calls, and half of them left at strength .5",
    ),
    "fast": Preset(
        Schedule("unipc", 20),
        "UniPC corrects every step at no further call: made for few steps; transfer at strength .5 takes ten",
    ),
}


def preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        GensupError: there is none.
    """
    if name not in PRESETS:
        raise unknown("preset", name, tuple(PRESETS), where="--preset")
    return PRESETS[name]


class Scheduler(Protocol):
    """What the loop uses of a diffusers scheduler whose timesteps are set."""

    order: int
    timesteps: Tensor
    init_noise_sigma: Any  # 1, a float or a tensor

    def scale_model_input(self, sample: Tensor, timestep: Tensor) -> Tensor: ...

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor: ...


def make_scheduler(schedule: Schedule, config: Mapping[str, object]) -> Scheduler:
    """The scheduler with its timesteps set, on the CPU, so that no step waits for the device.

    Args:
        config: the checkpoint's own (``scheduler_config.json``); what the scheduler does not know is left out.

    The checkpoint's spacing of timesteps holds where it is sound. It is not for some counts of steps: "leading" begins
    600 steps at timestep 600 and 4 steps at 751, where pure noise is not what the model was shown, and "trailing" has
    one step too many for 61. There another spacing takes its place: trailing, else linspace.

    Raises:
        GensupError: the scheduler cannot take so many steps.
    """
    return deepcopy(_made(schedule.checked(), json.dumps(dict(config), sort_keys=True, default=list)))


def begin(scheduler: Scheduler, index: int) -> None:
    """Say at which of its timesteps it begins; schedulers without such a say go by the timestep itself."""
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(index)


def step(
    scheduler: Any, predicted: Tensor, timestep: Tensor, latents: Tensor, done: int, noise: list[Generator]
) -> Tensor:
    """The latents one step on.

    Args:
        done: steps taken before this one.
        noise: a generator a row, from which stochastic schedulers draw it.
    """
    accepted = signature(scheduler.step).parameters
    extra: dict[str, object] = {}
    if "generator" in accepted:
        extra["generator"] = noise
    if "order" in accepted:
        # LMS takes as many earlier steps for granted as its timestep has before it, also where it began in the middle.
        extra["order"] = min(done + 1, accepted["order"].default)
    moved: Tensor = scheduler.step(predicted, timestep, latents, return_dict=False, **extra)[0]
    return moved


@lru_cache(maxsize=8)  # KDPM2 takes a second to be made
def _made(schedule: Schedule, stated: str) -> Scheduler:
    ensure_torchaudio()  # diffusers imports transformers
    config = json.loads(stated)
    solver = SCHEDULERS[schedule.name]
    cls = getattr(import_module(f"diffusers.schedulers.{solver.module}"), solver.cls)
    most = _most(cls, config)
    if schedule.steps > most:
        raise _refused(schedule, f"{schedule.name} takes at most {most} with this checkpoint")
    with warnings.catch_warnings():
        # diffusers hands tensors to NumPy, which from 2.0 on warns of how torch is asked for their numbers.
        warnings.filterwarnings("ignore", "__array__ implementation|__array_wrap__ must accept", DeprecationWarning)
        for scheduler in _spaced(cls, config | dict(solver.settings)):
            scheduler.set_timesteps(schedule.steps)
            if _sound(scheduler, solver, schedule.steps):
                return scheduler  # type: ignore[no-any-return]
    trained = int(scheduler.config.num_train_timesteps)
    raise _refused(
        schedule,
        f"so many steps of {schedule.name} do not span the {trained} timesteps of the training evenly",
        f"a count that divides {trained}, or another scheduler (dpm++, unipc)",
    )


def _most(cls: type, config: Mapping[str, object]) -> int:
    """Steps that a class can take: those of its training, and for consistency models of their distillation."""
    parameters = signature(cls).parameters
    limits = [name for name in ("num_train_timesteps", "original_inference_steps") if name in parameters]
    return min(int(str(config.get(name, parameters[name].default))) for name in limits)


def _spaced(cls: Any, config: Mapping[str, object]) -> Iterator[Any]:
    """The scheduler with the checkpoint's spacing of timesteps, then with the others."""
    known = signature(cls).parameters
    # A configuration read by diffusers also holds defaults of the class it was saved from: not the checkpoint's words.
    filled = config.get("_use_default_values", ())
    own = {name: value for name, value in config.items() if name in known and name not in _names(filled)}
    yield cls(**own)
    if "timestep_spacing" in known:
        yield cls(**own | {"timestep_spacing": "trailing"})
        yield cls(**own | {"timestep_spacing": "linspace"})


def _names(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple | set) else ()


def _sound(scheduler: Any, solver: Solver, steps: int) -> bool:
    """Whether the timesteps are as many as asked for, fall, lie within the training's and begin near their end."""
    trained = int(scheduler.config.num_train_timesteps)
    timesteps = scheduler.timesteps.double()
    whole = timesteps[:: scheduler.order]
    if not FIRST * trained <= float(timesteps.max()) < trained or float(timesteps.min()) < 0:
        return False
    if solver.starts and (len(whole) != steps or bool((whole.diff() >= 0).any())):
        return False
    spacing = scheduler.config.get("timestep_spacing", "")
    stride = {"leading": trained // steps, "linspace": (trained - 1) / max(1, steps - 1)}.get(spacing, trained / steps)
    return not solver.even or abs(stride - trained // steps) <= UNEVEN * stride


def _refused(schedule: Schedule, rule: str, remedy: str = "") -> GensupError:
    return GensupError(
        "not a count of steps it can take", where="--steps", value=schedule.steps, rule=rule, remedy=remedy
    )
