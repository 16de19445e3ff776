"""One denoising loop for every family and both kinds of twins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gensup.errors import GensupError
from gensup.rng import seed as seed_of
from gensup.synthesis.diffusion import schedules
from gensup.synthesis.diffusion.guidance import Caption, checked_guidance, checked_weights, guided, needed

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from gensup.synthesis.diffusion.family import Embedding, Family
    from gensup.synthesis.diffusion.schedules import Schedule, Scheduler

COLUMNS = 3  # of a clip: predictions under the empty, the normal and the anomaly caption


@dataclass(frozen=True, slots=True)
class Condition:
    """A row's captions, as the family's ``encode_text`` gave them: one each, not stacked."""

    empty: Embedding
    normal: Embedding
    anomaly: Embedding


@dataclass(frozen=True, slots=True)
class Denoised:
    """Latents (rows, channels, height, width), float32 on the family's device; and which rows are finite throughout.

    A row that is not is to be made again with another seed, or refused: it says nothing about its neighbours.
    """

    latents: Tensor
    finite: tuple[bool, ...]


def denoise(
    family: Family,
    shape: tuple[int, int, int],
    seeds: Sequence[int],
    conditions: Sequence[Condition],
    schedule: Schedule,
    *,
    guidance: float,
    weights: Sequence[float | None],
    source: Tensor | None = None,
    strength: float = 1.0,
    mask: Tensor | None = None,
    negative: bool = False,
    rows: int = 8,
) -> Denoised:
    """Latents out of noise, or out of ``source``'s latents noised to ``strength``, under condition guidance.

    Two rows of one seed have the same initial noise and the same noise at every step: a twin is two rows that differ
    in their weight alone, and rows of one seed at weights 0, .5, 1 … are a ladder whose normal trajectory is made once.

    All rows take a step together. What the UNet is to predict, two columns for a normal twin and three for an anomaly,
    is cut into calls of exactly 3 ``rows`` columns, the last one filled with columns that come again, and schedulers
    step ``rows`` rows at a time: every shape that a number could depend on is fixed by ``rows``. A row's bytes are
    then those of the batch plan (rows and their weights in their order), whatever its neighbours' captions and sounds,
    for one kind of device and one dtype; captions should be stacked to equal lengths for the same reason.

    Args:
        shape: of a latent, see ``Grid.latent``.
        seeds: a row each; all of its noise comes of it, drawn on the CPU so that it is the same on every device.
        conditions: a row each.
        weights: a row each: severity w; None or 0 is the normal twin.
        source: scaled latents (rows, channels, height, width) of real clips: transfer. None: from noise.
        strength: the share of the schedule's steps that transfer takes. 0 leaves ``source`` untouched; 1 forgets it.
        mask: (rows, height) from 0 to 1: which of the latent's rows (in time) may change, for faults that come and go.
            Elsewhere the source, noised as far as its surroundings, takes the place of what is denoised after every
            step, and at the end the source itself. Between 0 and 1 the two are mixed.
        negative: the plain variant, see ``guided``.
        rows: clips a UNet call.

    Raises:
        GensupError: a weight, guidance, strength or schedule that makes no sense; a scheduler that cannot begin in the
            middle where a source is given.
        ValueError: arguments that do not fit each other.
    """
    import torch

    severities = checked_weights(tuple(weights))
    guidance = checked_guidance(guidance)
    count = len(seeds)
    _fit(count, shape, conditions, severities, source, mask, rows)
    steps = schedule.checked().steps if source is None else schedule.taken(strength)
    device = next(family.unet.parameters()).device
    if source is not None:
        source = source.to(device, torch.float32)
        if not steps:
            return Denoised(source.clone(), _finite(source))

    scheduler = schedules.make_scheduler(schedule, family.scheduler_config)
    first = (schedule.steps - steps) * scheduler.order
    timesteps = scheduler.timesteps[first:]
    kept = None if mask is None or source is None else mask.to(device, torch.float32)
    noise = torch.stack([initial_noise(shape, seed) for seed in seeds]).to(device)
    weight = torch.tensor(severities, device=device)
    with torch.no_grad():
        columns = _Columns.planned(family, conditions, severities, negative, COLUMNS * rows)
        # Rows that come again fill the last block; the UNet is not asked about them twice.
        blocks = []
        for block in (torch.arange(-(-count // rows) * rows) % count).reshape(-1, rows):
            own = deepcopy(scheduler)
            schedules.begin(own, first)
            blocks.append(
                _Block(
                    own,
                    block,
                    noise[block],
                    [_generator("step noise", seeds[int(row)]) for row in block],
                    None if source is None else source[block],
                    None if kept is None else kept[block],
                    # At strength 1 not even what the first timestep leaves of the source: that is generation.
                    noise[block] * own.init_noise_sigma
                    if source is None or strength == 1
                    else _noised(own, source[block], noise[block], timesteps[0]),
                )
            )
        for done, timestep in enumerate(timesteps):
            inputs = torch.cat([each.scheduler.scale_model_input(each.latents, timestep) for each in blocks])
            predicted = columns.predicted(family, inputs[:count], timestep)
            towards = guided(*predicted, guidance, weight, negative=negative)
            following = timesteps[done + 1] if done + 1 < len(timesteps) else None
            for each in blocks:
                each.step(towards[each.rows], timestep, following, done)
        made = torch.cat([each.latents for each in blocks])[:count]
    return Denoised(made, _finite(made))


def initial_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """A row's noise of unit variance: a seed's is the same on every device."""
    import torch

    return torch.randn(shape, generator=_generator("initial noise", seed))


def _generator(*names: str | int) -> Generator:
    import torch

    return torch.Generator().manual_seed(seed_of(*names))


@dataclass(slots=True)
class _Block:
    """Rows that one scheduler steps: it remembers their last predictions."""

    scheduler: Scheduler
    rows: Tensor
    noise: Tensor
    drawn: list[Generator]  # a row each: the noise of stochastic schedulers
    source: Tensor | None
    mask: Tensor | None  # None: all may change
    latents: Tensor

    def step(self, predicted: Tensor, timestep: Tensor, following: Tensor | None, done: int) -> None:
        """From a timestep to the one that follows (None: to the end)."""
        self.latents = schedules.step(self.scheduler, predicted, timestep, self.latents, done, self.drawn)
        # Schedulers of second order call the UNet twice a step, but for the last; in between they are on no timestep.
        whole = following is None or done % self.scheduler.order == self.scheduler.order - 1
        if self.mask is not None and self.source is not None and whole:
            there = self.source if following is None else _noised(self.scheduler, self.source, self.noise, following)
            self.latents = _kept(self.latents, there, self.mask)


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the UNet is asked in a step: (row, caption) pairs, in calls of equal width."""

    rows: Tensor  # of each call's columns, (calls, width)
    texts: Tensor  # which of the embeddings, (calls, width)
    embeddings: Mapping[str, Tensor]
    places: Mapping[Caption, Tensor]  # where each row's prediction under a caption is; of one not asked for, another

    @classmethod
    def planned(
        cls, family: Family, conditions: Sequence[Condition], weights: Sequence[float], negative: bool, width: int
    ) -> _Columns:
        import torch

        device = next(family.unet.parameters()).device
        distinct: dict[int, tuple[int, Embedding]] = {}
        rows: list[int] = []
        texts: list[int] = []
        places: dict[Caption, list[int]] = {"empty": [], "normal": [], "anomaly": []}
        for row, (condition, weight) in enumerate(zip(conditions, weights, strict=True)):
            asked = needed(weight, negative=negative)
            for caption, of_rows in places.items():
                of_rows.append(len(rows) + (asked.index(caption) if caption in asked else 0))
            for caption in asked:
                embedding: Embedding = getattr(condition, caption)
                texts.append(distinct.setdefault(id(embedding), (len(distinct), embedding))[0])
                rows.append(row)
        filled = torch.arange(-(-len(rows) // width) * width) % len(rows)
        stacked = family.stack([embedding for _, embedding in distinct.values()])
        return cls(
            torch.tensor(rows)[filled].reshape(-1, width).to(device),
            torch.tensor(texts)[filled].reshape(-1, width).to(device),
            {name: value.to(device) for name, value in stacked.items()},
            {caption: torch.tensor(of_rows, device=device) for caption, of_rows in places.items()},
        )

    def predicted(self, family: Family, inputs: Tensor, timestep: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Under the empty, the normal and the anomaly caption; float32: a weight of 4 would make rounding heard."""
        import torch

        number = torch.float32 if timestep.is_floating_point() else torch.int64
        at = timestep.to(inputs.device, number).expand(self.rows.shape[1])
        calls = [
            family.denoise(inputs[rows], at, {name: value[texts] for name, value in self.embeddings.items()}).float()
            for rows, texts in zip(self.rows, self.texts, strict=True)
        ]
        every = torch.cat(calls)
        return every[self.places["empty"]], every[self.places["normal"]], every[self.places["anomaly"]]


def _noised(scheduler: Scheduler, source: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    return scheduler.add_noise(source, noise, timestep.expand(len(source)))


def _kept(latents: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """``latents`` where the mask is 1, ``source`` where it is 0, bit for bit."""
    import torch

    share = mask[:, None, :, None]
    mixed = share * latents + (1 - share) * source
    return torch.where(share == 0, source, torch.where(share == 1, latents, mixed))


def _finite(latents: Tensor) -> tuple[bool, ...]:
    import torch

    finite: list[bool] = torch.isfinite(latents).flatten(1).all(dim=1).tolist()
    return tuple(finite)


def _fit(
    count: int,
    shape: tuple[int, int, int],
    conditions: Sequence[Condition],
    weights: Sequence[float],
    source: Tensor | None,
    mask: Tensor | None,
    rows: int,
) -> None:
    if not count == len(conditions) == len(weights) or not count:
        raise ValueError(f"{count} seeds, {len(conditions)} conditions, {len(weights)} weights")
    if source is not None and tuple(source.shape) != (count, *shape):
        raise ValueError(f"source {tuple(source.shape)}, not {(count, *shape)}")
    if mask is not None and (source is None or tuple(mask.shape) != (count, shape[1])):
        raise ValueError(f"mask {tuple(mask.shape)}, not {(count, shape[1])} with a source to keep")
    if rows < 1:
        raise GensupError("too few clips a batch", where="--rows", value=rows, rule="at least 1")
