"""A batch of twins on the model: their latents, one denoising loop for all of them, and sound again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from gensup.audio.files import Audio
from gensup.errors import GensupError
from gensup.rng import seed
from gensup.synthesis.diffusion import codec
from gensup.synthesis.diffusion.codec import Heard
from gensup.synthesis.diffusion.loop import Condition, denoise
from gensup.synthesis.diffusion.settings import check_window
from gensup.synthesis.records import Order

if TYPE_CHECKING:
    from torch import Tensor

    from gensup.synthesis.diffusion.family import Embedding, Family
    from gensup.synthesis.diffusion.grid import Grid
    from gensup.synthesis.diffusion.models import Loaded
    from gensup.synthesis.diffusion.settings import Diffusion

ATTEMPT = "attempt"  # in an order's parameters: how often its twin was made before, and refused

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """All orders of one normal twin in a batch, and what they are made from."""

    orders: tuple[Order, ...]
    heard: Heard | None  # None: from noise alone

    @property
    def twin(self) -> str:
        return self.orders[0].twin

    @property
    def seconds(self) -> float:
        return self.orders[0].seconds

    @property
    def attempt(self) -> int:
        """Of the whole twin: its clips share one noise, and so they are made again together."""
        return max(int(str(order.parameters.get(ATTEMPT, 0))) for order in self.orders)

    @property
    def noise(self) -> int:
        """The seed of all noise of the twin's clips: shared by them, and by no other twin's."""
        return seed("twin", self.twin, *([self.attempt] if self.attempt else []))


@dataclass(frozen=True, slots=True, eq=False)
class Sounds:
    """What came of a twin, on the grid: (channels, samples) at the grid's rate, in the model's level."""

    normal: Audio
    anomalies: Mapping[str, Audio]  # by the order's id
    dtype: str
    rows: int
    attempt: int

    @property
    def finite(self) -> bool:
        return all(bool(np.isfinite(audio).all()) for audio in (self.normal, *self.anomalies.values()))


def with_memory(model: Loaded, rows: int, run: Callable[[Family, int], T]) -> T:
    """``run`` with the model and ``rows``, or half as many where the device's memory does not do, down to one.

    Raises:
        GensupError: one is too many, too.
    """
    import torch

    while True:
        try:
            with model.alone() as family:
                return run(family, rows)
        except torch.OutOfMemoryError as error:
            if rows == 1:
                raise GensupError(
                    "out of memory with a single clip",
                    where=model.place.device,
                    value=str(error).partition(".")[0],
                    remedy="another dtype (bfloat16), a smaller checkpoint, or a device with more memory",
                ) from None
        rows //= 2
        torch.cuda.empty_cache()


def sounds_of(
    family: Family,
    works: Sequence[Work],
    embedded: Mapping[str, Embedding],
    settings: Diffusion,
    guidance: float,
    dtype: str,
    rows: int,
) -> dict[str, Sounds]:
    """Both sides of every twin; those of one length in one loop. A clip that is not finite is NaN throughout."""
    alike: dict[tuple[int, int, int], list[Work]] = {}
    for work in works:
        alike.setdefault(family.grid.latent(work.seconds), []).append(work)
    made: dict[str, Sounds] = {}
    for shape, members in alike.items():
        tracks = [track for work in members for track in _tracks(work)]
        latents, finite = _denoised(family, shape, tracks, embedded, settings, guidance, rows)
        heard = codec.sounds(family, latents, rows)
        whole = np.asarray(finite) & np.isfinite(heard).all(axis=1)
        heard = np.where(whole[:, None], heard, np.float32("nan"))
        places: dict[tuple[str, str | None], list[int]] = {}
        for place, track in enumerate(tracks):
            places.setdefault((track.work.twin, track.order.id if track.order else None), []).append(place)
        for work in members:
            anomalies = {order.id: heard[places[work.twin, order.id]] for order in work.orders}
            made[work.twin] = Sounds(heard[places[work.twin, None]], anomalies, dtype, rows, work.attempt)
    return made


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    """One row of the loop: a channel of a normal twin (no order) or of an anomaly."""

    work: Work
    channel: int
    order: Order | None


def _tracks(work: Work) -> list[_Track]:
    channels = 1 if work.heard is None else len(work.heard.audio)
    return [_Track(work, channel, order) for channel in range(channels) for order in (None, *work.orders)]


def _denoised(
    family: Family,
    shape: tuple[int, int, int],
    tracks: Sequence[_Track],
    embedded: Mapping[str, Embedding],
    settings: Diffusion,
    guidance: float,
    rows: int,
) -> tuple[Tensor, tuple[bool, ...]]:
    import torch

    source, mask = None, None
    if settings.twins == "transfer":
        encoded: dict[str, Tensor] = {}
        for track in tracks:
            if track.work.heard is not None and track.work.twin not in encoded:
                encoded[track.work.twin] = codec.latents(family, track.work.heard)
        source = torch.stack([encoded[track.work.twin][track.channel] for track in tracks])
    if settings.window is not None:
        mask = torch.stack([window_rows(settings.window, track.work.seconds, family.grid) for track in tracks])
    conditions = []
    for track in tracks:
        normal, anomaly = (track.order or track.work.orders[0]).captions
        conditions.append(Condition(embedded[""], embedded[normal], embedded[anomaly]))
    made = denoise(
        family,
        shape,
        [track.work.noise for track in tracks],
        conditions,
        settings.schedule,
        guidance=guidance,
        weights=[None if track.order is None else track.order.severity for track in tracks],
        source=source,
        strength=settings.strength,
        mask=mask,
        negative=settings.negative,
        rows=rows,
    )
    return made.latents, made.finite


def window_rows(window: tuple[float, float], seconds: float, grid: Grid) -> Tensor:
    """1 for the latent's rows that hold any of the window, else 0.

    Raises:
        GensupError: the window begins after the clip's end.
    """
    import torch

    check_window(window, seconds)
    start, end = window
    rows = grid.latent(seconds)[1]
    each_s = grid.factor * grid.hop / grid.rate
    mask = torch.zeros(rows)
    mask[floor(round(start / each_s, 6)) : ceil(round(end / each_s, 6))] = 1
    return mask
