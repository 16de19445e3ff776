"""The generator of a text-to-audio family: both clips of a twin from one noise, told apart by their captions alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, log10
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gensup.audio.files import Audio
from gensup.clip import Json
from gensup.errors import GensupError
from gensup.rng import digest
from gensup.synthesis.diffusion import codec, embeddings, levels, models
from gensup.synthesis.diffusion.checkpoint import Checkpoint, open_checkpoint
from gensup.synthesis.diffusion.codec import Heard
from gensup.synthesis.diffusion.family import FAMILIES
from gensup.synthesis.diffusion.loop import COLUMNS
from gensup.synthesis.diffusion.models import Loaded, Place, loaded
from gensup.synthesis.diffusion.settings import Diffusion
from gensup.synthesis.diffusion.work import ATTEMPT, Sounds, Work, sounds_of, with_memory
from gensup.synthesis.records import Order, TwinAudio, with_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gensup.synthesis.diffusion.family import Embedding, Family
    from gensup.synthesis.diffusion.grid import Grid

VERSION = 1  # raise it when the sound changes
IDLE = 1 / 8  # share of the last UNet call that may be filled with what is thrown away, before a batch takes more twins
MOST_CALLS = 4  # UNet calls a step that a batch of several twins takes at most


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusionTwins:
    """Makes twins by a checkpoint, on one kind of device. It holds no tensor: every process loads the model once.

    A batch's normal twins and anomalies take every step together, in UNet calls of one shape. What a clip's bytes are
    is fixed by its own captions, seed and source, the ``revision``, and the kind of device.

    Several channels go through the model one by one, with the same noise, at the gain of the loudest. Clips are not
    clipped: one that goes beyond full scale (``peak`` in its parameters) is written as floats.
    """

    settings: Diffusion
    checkpoint: Checkpoint
    device: str
    guidance: float
    levels_db: tuple[float, ...] = ()  # RMS of the machine's own normal clips; for twins made from noise
    preparation: ClassVar[str] = "captions"

    captions: Path | None = None  # embeddings, as ``prepared`` wrote them; None: each process embeds for itself

    @classmethod
    def opened(
        cls,
        settings: Diffusion,
        family: str | None = None,
        levels_db: Sequence[float] = (),
        *,
        elsewhere: bool = False,
    ) -> DiffusionTwins:
        """The generator of a checkpoint: its configurations are read, its weights not yet.

        Args:
            family: what the checkpoint has to be; None: whatever it is.
            levels_db: RMS in dB of full scale of the machine's own normal clips (``levels.rms_db``).
            elsewhere: the named device is other machines': whether this one has it is not looked at.

        Raises:
            GensupError: settings that make no sense, a checkpoint that is not there, damaged or of another family, or
                a device that is not here.
        """
        settings = settings.checked()
        checkpoint = open_checkpoint(settings.model, settings.revision, family=family, offline=settings.offline)
        members = FAMILIES.load(checkpoint.family)
        return cls(
            settings=settings,
            checkpoint=checkpoint,
            device=settings.device if elsewhere and settings.device else models.device_of(settings.device),
            guidance=members.guidance if settings.guidance is None else settings.guidance,
            levels_db=tuple(float(level) for level in levels_db) if settings.twins == "seed" else (),
        )

    @property
    def name(self) -> str:
        return self.checkpoint.family

    @property
    def licence(self) -> str:
        """The model's; of transfer the recording's beside it."""
        own = self.checkpoint.licence
        return own if self.settings.twins == "seed" else with_source(own)

    @property
    def chain(self) -> str:
        """The codec, and how far from the recording its latent was taken."""
        way = "seed" if self.settings.twins == "seed" else f"transfer {self.settings.strength:g}"
        return f"{self.name} {self.checkpoint.revision[:12]} {way}"

    @property
    def revision(self) -> str:
        """All that decides a clip's bytes beside its order."""
        its, kind = self.settings, self.device.partition(":")[0]
        said = [
            self.checkpoint.revision[:12],
            f"twins {VERSION}",
            f"{its.scheduler} {its.steps}",
            f"guidance {self.guidance:g}",
        ]
        said.append(
            f"strength {its.strength:g}"
            if its.twins == "transfer"
            else f"levels {digest(list(self.levels_db), size=4)}"
        )
        if its.window:
            said.append(f"window {its.window[0]:g}-{its.window[1]:g} s")
        said += [
            word
            for word, asked in (("negative", its.negative), ("truncated", its.truncate), ("compiled", its.compile))
            if asked
        ]
        return ", ".join([*said, its.dtype, kind, f"rows {self.rows}"])

    @property
    def redraws(self) -> bool:
        """Whether noise comes into it: at strength 0 both twins are the recording after the codec."""
        return self.settings.strength > 0

    @property
    def rows(self) -> int:
        """Clips a UNet call. A CPU is no faster for more, and would compute what fills the last call for nothing."""
        return 1 if self.device == "cpu" else self.settings.rows

    def batches(self, orders: Sequence[Order]) -> tuple[tuple[Order, ...], ...]:
        """Whole twins of one length, in the plan's order, until their UNet calls are as good as full."""
        twins: dict[str, list[Order]] = {}
        for order in orders:
            twins.setdefault(order.twin, []).append(order)
        alike: dict[tuple[int, int, int], list[list[Order]]] = {}
        for twin in twins.values():
            alike.setdefault((_samples(twin[0]), twin[0].rate, twin[0].channels), []).append(twin)
        return tuple(batch for members in alike.values() for batch in self._filled(members))

    def make(self, batch: Sequence[Order], sources: Sequence[Audio | None]) -> tuple[TwinAudio, ...]:
        """One twin an order, in order. Both are (channels, samples) of the order's length at its rate.

        The parameters say what was asked of the model, ``gain_db`` (of both twins, in the end), the anomaly's ``peak``,
        ``change_db`` (see ``levels``), the ``dtype`` that was used (float32 for a twin that overflowed in another) and
        ``rows`` (fewer than asked for where memory ran out).

        Raises:
            GensupError: an order that does not fit the settings, a caption over a limit, or too little memory.
        """
        twins: dict[str, list[Order]] = {}
        heard: dict[str, Heard | None] = {}
        grid = self._model(self.settings.dtype).family.grid
        for order, source in zip(batch, sources, strict=True):
            twins.setdefault(order.twin, []).append(order)
            if order.twin not in heard:
                heard[order.twin] = self._heard(order, source, grid)
        made = self._computed([Work(tuple(orders), heard[twin]) for twin, orders in twins.items()])
        normals = {}
        for twin, orders in twins.items():
            normals[twin] = self._leveled(orders[0], heard[twin], made[twin], grid)
        return tuple(self._twin(order, made[order.twin], *normals[order.twin], grid) for order in batch)

    def check(self, orders: Sequence[Order]) -> None:
        """Count the captions' tokens, and read the configurations; no weight is loaded.

        Raises:
            GensupError: a caption over a limit, or a configuration that cannot be read.
        """
        place = Place(self.checkpoint, "cpu", "float32")
        family = models.opened(place)
        _ = family.grid
        embeddings.given_captions(orders, family.limits, truncate=self.settings.truncate)

    def prepared(self, orders: Sequence[Order], folder: Path) -> DiffusionTwins:
        """Itself with the embeddings of every distinct caption, in a file in ``folder``.

        They are made once, in float32, by this process; a damaged file is made again.

        Raises:
            GensupError: a caption over a limit, said before any weight is loaded; or the folder cannot be written.
        """
        # Not from this process's models: what text needs is let go of when this ends. A cluster's head may lack a GPU.
        place = Place(self.checkpoint, self.device if models.is_here(self.device) else "cpu", "float32")
        reader = Loaded(models.opened(place), place)
        given = embeddings.given_captions(orders, reader.family.limits, truncate=self.settings.truncate)
        path = folder / embeddings.file_name(given, f"{self.name} {self.checkpoint.revision}")
        try:
            embeddings.Embeddings(path).verified()
        except GensupError:
            with reader.alone() as family:
                embedded = family.encode_text(embeddings.distinct(given))
                family.unload_encoders()
            embeddings.write(path, given, embedded)
        return replace(self, captions=path)

    def round_trip(self, audio: Audio, rate: int) -> Audio:
        """``audio`` through the codec (VAE and vocoder) alone: same shape, rate and gain. No diffusion."""
        return self.round_trips([audio], rate)[0]

    def round_trips(self, audios: Sequence[Audio], rate: int) -> tuple[Audio, ...]:
        """Each of ``audios`` through the codec alone; they may differ in length and channels."""
        grid = self._model(self.settings.dtype).family.grid
        heard = [codec.heard(audio, rate, audio.shape[1] / rate, grid) for audio in audios]
        alike: dict[int, list[int]] = {}
        for place, clip in enumerate(heard):
            alike.setdefault(clip.audio.shape[1], []).append(place)
        made: dict[int, Audio] = {}
        for places in alike.values():
            for dtype in dict.fromkeys((self.settings.dtype, "float32")):
                left = [place for place in places if place not in made or not np.isfinite(made[place]).all()]
                if left:
                    run = partial(_through, clips=[heard[place] for place in left])
                    made |= zip(left, with_memory(self._model(dtype), self.rows, run), strict=True)
        return tuple(
            codec.given_back(made[place], grid, rate, audio.shape[1]) * np.float32(heard[place].gain)
            for place, audio in enumerate(audios)
        )

    def _model(self, dtype: str) -> Loaded:
        return loaded(Place(self.checkpoint, self.device, dtype, self.settings.compile))

    def _heard(self, order: Order, source: Audio | None, grid: Grid) -> Heard | None:
        if self.settings.twins == "seed":
            if order.source_key is not None:
                raise _misfit(order, "twins by seed are made from noise alone")
            return None
        if source is None or order.source_key is None:
            raise _misfit(order, "transfer starts from a recording of the machine")
        return codec.heard(source, order.rate, order.seconds, grid)

    def _computed(self, works: Sequence[Work]) -> dict[str, Sounds]:
        """By twin. One of which anything is not finite is made again in float32, whole: its clips stay twins."""
        made: dict[str, Sounds] = {}
        for dtype in dict.fromkeys((self.settings.dtype, "float32")):
            left = [work for work in works if work.twin not in made or not made[work.twin].finite]
            if left:
                model = self._model(dtype)
                made |= with_memory(model, self.rows, partial(self._sounds, model=model, works=left))
        return made

    def _sounds(self, family: Family, rows: int, model: Loaded, works: Sequence[Work]) -> dict[str, Sounds]:
        orders = [order for work in works for order in work.orders]
        model.compiled()
        return sounds_of(
            family, works, self._embedded(family, orders), self.settings, self.guidance, model.place.dtype, rows
        )

    def _embedded(self, family: Family, orders: Sequence[Order]) -> Mapping[str, Embedding]:
        asked = dict.fromkeys(("", *(caption for order in orders for caption in order.captions)))
        if self.captions is not None:
            known = embeddings.Embeddings(self.captions)
            return {caption: known[caption] for caption in asked}
        given = embeddings.given_captions(orders, family.limits, truncate=self.settings.truncate)
        texts = embeddings.distinct(given)
        embedded = dict(zip(texts, family.encode_text(texts), strict=True))
        return {caption: embedded[given[caption]] for caption in asked}

    def _leveled(self, order: Order, heard: Heard | None, made: Sounds, grid: Grid) -> tuple[Audio, float]:
        """The normal twin as it is given back, and the gain of both."""
        normal = _cut(made.normal, order, grid)
        gain = levels.placing_gain(normal, self.levels_db, order.twin) if heard is None else heard.gain
        return normal * np.float32(gain), gain

    def _twin(self, order: Order, made: Sounds, normal: Audio, gain: float, grid: Grid) -> TwinAudio:
        anomaly = _cut(made.anomalies[order.id], order, grid) * np.float32(gain)
        its = self.settings
        said: dict[str, Json] = {
            "version": VERSION,
            "model": self.name,
            "twins": its.twins,
            "scheduler": its.scheduler,
            "steps": its.steps,
            "guidance": self.guidance,
            "dtype": made.dtype,
            ATTEMPT: made.attempt,
            "gain_db": 20 * log10(gain),
            "peak": float(np.abs(anomaly).max()),
            "change_db": levels.change_db(normal, anomaly),
        }
        if its.twins == "transfer":
            said["strength"] = its.strength
        if its.window is not None:
            said["window"] = list(its.window)
        if its.negative:
            said["negative"] = True
        if made.rows != self.rows:
            said["rows"] = made.rows
        return TwinAudio(normal, anomaly, said)

    def _filled(self, twins: Sequence[Sequence[Order]]) -> Iterator[tuple[Order, ...]]:
        """Twins of one length in batches: see ``batches``."""
        width = COLUMNS * self.settings.rows
        batch: list[Order] = []
        columns = 0
        for twin in twins:
            batch += twin
            columns += (COLUMNS - 1 + COLUMNS * len(twin)) * twin[0].channels
            calls = ceil(columns / width)
            if columns >= MOST_CALLS * width or (columns >= width and calls * width - columns <= IDLE * columns):
                yield tuple(batch)
                batch, columns = [], 0
        if batch:
            yield tuple(batch)


def _through(family: Family, rows: int, clips: Sequence[Heard]) -> list[Audio]:
    """The codec of clips of one length, a UNet's part left out."""
    import torch

    encoded = [codec.latents(family, clip) for clip in clips]
    sounds = codec.sounds(family, torch.cat(encoded), rows)
    ends = np.cumsum([len(latents) for latents in encoded])
    return np.split(sounds, ends[:-1])


def _samples(order: Order) -> int:
    return round(order.seconds * order.rate)


def _cut(sound: Audio, order: Order, grid: Grid) -> Audio:
    """What was made of an order, at its length and rate; one channel stands for all where there was no recording."""
    cut = codec.given_back(sound, grid, order.rate, _samples(order))
    return cut if len(cut) == order.channels else np.repeat(cut, order.channels, axis=0)


def _misfit(order: Order, rule: str) -> GensupError:
    return GensupError("an order that does not fit the settings", where=f"order {order.id}", rule=rule)
