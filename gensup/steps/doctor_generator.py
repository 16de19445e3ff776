"""doctor --generator: whether a text-to-audio checkpoint loads here and makes sound, before a night is spent on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from gensup._compat import ensure_torchaudio
from gensup.errors import GensupError
from gensup.rng import generator
from gensup.steps.doctor import Check
from gensup.synthesis.diffusion import codec, devices, models
from gensup.synthesis.diffusion.checkpoint import Checkpoint, open_checkpoint
from gensup.synthesis.diffusion.family import FAMILIES
from gensup.synthesis.diffusion.loop import Condition, Denoised, denoise
from gensup.synthesis.diffusion.schedules import Schedule
from gensup.synthesis.diffusion.settings import Diffusion
from gensup.synthesis.diffusion.weights import check_safetensors, weight_files

if TYPE_CHECKING:
    from torch import Tensor

    from gensup.synthesis.diffusion.family import Embedding, Family

T = TypeVar("T")

CAPTION = "a fan that runs"
SECONDS = 1.0  # of the clip that is made
SCHEDULE = Schedule("ddim", 1)
DURATIONS = (6, 10, 11, 12, 16, 18)  # seconds of DCASE's clips
HELD = ("unet", "vae", "vocoder")  # while clips are made; encoders of text have been let go by then


def generator_checks(
    family: str | None,
    model: str,
    revision: str | None = None,
    *,
    offline: bool = False,
    dtype: str = "float32",
    device: str | None = None,
) -> Iterator[Check]:
    """Load a checkpoint, take one denoising step and make one short sound; a check a step, in that order.

    Nothing is raised: what fails is a check that says why, and what hangs on it is not tried.

    Args:
        family: what it has to be; None: whatever it is.
        model: a folder, or a name on the hub, see ``open_checkpoint``.
        dtype, device: as ``Diffusion`` has them.
    """
    patient = _Patient(family, model, revision, offline, dtype, device)
    failed: set[str] = set()
    for name, needs, look in patient.steps():
        if hangs_on := [need for need in needs if need in failed]:
            check = Check(name, False, f"not tried: {hangs_on[0]} failed")
        else:
            check = _tried(name, look)
        if not check.ok:
            failed.add(name)
        yield check


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except GensupError as error:
        return Check(name, False, str(error))
    except Exception as error:  # of the libraries: whatever it is, it is what the doctor was asked about
        said = " ".join(str(error).split())[:300]
        remedy = "another dtype (bfloat16) or device" if "out of memory" in said else "pip install -U gensup"
        return Check(name, False, f"{type(error).__name__}: {said}; {remedy}")


class _Patient:
    """What one step finds and the next ones need."""

    checkpoint: Checkpoint
    place: models.Place
    loaded: models.Loaded
    embedded: tuple[Embedding, ...]
    latents: Tensor

    def __init__(
        self, family: str | None, model: str, revision: str | None, offline: bool, dtype: str, device: str | None
    ) -> None:
        self._family, self._model, self._revision, self._offline = family, model, revision, offline
        self._dtype, self._device = dtype, device

    def steps(self) -> tuple[tuple[str, tuple[str, ...], Callable[[], str]], ...]:
        """Name, the steps it hangs on, and the step."""
        return (
            ("torchaudio's guard", (), self._torchaudio),
            ("devices", (), devices.described),
            ("device", (), self._on),
            ("dtypes", ("device",), self._dtypes),
            ("checkpoint", (), self._checkpoint),
            ("licence", ("checkpoint",), lambda: self.checkpoint.licence),
            ("parts", ("checkpoint",), self._parts),
            ("memory", ("parts", "device", "dtypes"), self._memory),
            ("grid", ("checkpoint", "device", "dtypes"), self._grid),
            ("tokens", ("grid",), self._tokens),
            ("text", ("grid", "tokens", "memory"), self._text),
            ("a step", ("text",), self._step),
            ("sound", ("a step",), self._sound),
            ("a recording", ("grid", "memory"), self._recording),
        )

    def _torchaudio(self) -> str:
        state = ensure_torchaudio()
        why = {
            "pure-python": ": its compiled part does not fit this torch and is left out; nothing here needs it",
            "absent": ": not installed, which is no harm",
        }
        return state + why.get(state, "")

    def _on(self) -> str:
        Diffusion(model=self._model, dtype=self._dtype, device=self._device).checked()  # type: ignore[arg-type]
        self._device = models.device_of(self._device)
        return self._device

    def _dtypes(self) -> str:
        assert self._device is not None
        how = devices.computes(self._device, self._dtype)
        said = [f"{self._dtype} {how} (asked for{'; slower than float32 here' if how == 'emulated' else ''})"]
        for dtype in ("float32", "bfloat16", "float16"):
            if dtype != self._dtype:
                try:
                    said.append(f"{dtype} {devices.computes(self._device, dtype)}")
                except GensupError:
                    said.append(f"{dtype} not here")
        return ", ".join(said)

    def _checkpoint(self) -> str:
        self.checkpoint = open_checkpoint(self._model, self._revision, family=self._family, offline=self._offline)
        adapters = f", adapters {self.checkpoint.adapters.name}" if self.checkpoint.adapters else ""
        return f"{self.checkpoint.family}, revision {self.checkpoint.revision[:12]}, {self.checkpoint.folder}{adapters}"

    def _parts(self) -> str:
        self._weights = {
            part: sum(
                prod(shape)
                for file in weight_files(self.checkpoint.folder / part, "")
                for shape in check_safetensors(file).values()
            )
            for part in FAMILIES.load(self.checkpoint.family).parts
            if part != "scheduler" and not part.startswith("tokenizer")
        }
        return ", ".join(f"{part} {_millions(weights)}" for part, weights in self._weights.items())

    def _memory(self) -> str:
        """Weights alone: what a step needs beside them grows with --rows."""
        assert self._device is not None
        made = sum(self._weights[part] for part in HELD) * (4 if self._dtype == "float32" else 2)
        text = 4 * sum(weights for part, weights in self._weights.items() if part not in HELD)
        said = f"{_size(made)} of weights while clips are made, {_size(text)} while captions are read"
        free = devices.free_bytes(self._device)
        if free is None:
            return said
        if max(made, text) > free:
            raise GensupError(
                "too little memory",
                where=self._device,
                value=_size(free),
                rule=said,
                remedy="end what else runs there, --dtype bfloat16, or another --device",
            )
        return f"{said}; {_size(free)} free"

    def _grid(self) -> str:
        assert self._device is not None
        self.place = models.Place(self.checkpoint, self._device, self._dtype)
        self.loaded = models.Loaded(models.opened(self.place), self.place)
        grid = self.loaded.family.grid
        step = grid.factor * grid.stride * grid.hop / grid.rate
        lengths = ", ".join(f"{seconds} s as {grid.samples(seconds) / grid.rate:g}" for seconds in DURATIONS)
        return (
            f"{grid.rate} Hz, hop {grid.hop}, {grid.n_mels} mel bins, latents of {grid.channels} channels, scaling "
            f"{grid.scaling:.4g}; lengths in steps of {step:g} s: {lengths}"
        )

    def _tokens(self) -> str:
        limits = self.loaded.family.limits
        return ", ".join(f"{limit.tokens} for {limit.encoder}" for limit in limits) + "; spaces are kept"

    def _text(self) -> str:
        began = perf_counter()
        with self.loaded.alone() as family:
            self.embedded = family.encode_text(["", CAPTION])
            family.unload_encoders()
        for caption, embedding in zip(("", CAPTION), self.embedded, strict=True):
            for name, tensor in embedding.items():
                if not bool(tensor.isfinite().all()):
                    raise _not_finite(f"what text is to the model ({name} of {caption!r})", "float32")
        empty, normal = self.embedded
        same = all(
            empty[name].shape == normal[name].shape and bool((empty[name] == normal[name]).all()) for name in empty
        )
        if same:
            raise GensupError(
                "a caption is no other than none", rule="embeddings differ", remedy="fetch the text encoders again"
            )
        shapes = ", ".join(f"{name} {'x'.join(map(str, tensor.shape[1:]))}" for name, tensor in normal.items())
        return f'"" and {CAPTION!r} in {perf_counter() - began:.1f} s with loading: {shapes}'

    def _step(self) -> str:
        empty, normal = self.embedded
        with self.loaded.alone() as family:
            loading, _ = _timed(lambda: family.unet)
            took, made = _timed(lambda: _one_step(family, Condition(empty, normal, normal)))
        if not all(made.finite):
            raise _not_finite("what the UNet predicts", self._dtype)
        self.latents = made.latents
        return f"{SECONDS:g} s of sound in {took:.2f} s ({loading:.1f} s to load the UNet)"

    def _sound(self) -> str:
        with self.loaded.alone() as family:
            took, sound = _timed(lambda: codec.sounds(family, self.latents, 1)[0])
        if not np.isfinite(sound).all():
            raise _not_finite("what the VAE and the vocoder make", self._dtype)
        wanted = self.loaded.family.grid.samples(SECONDS)
        if len(sound) != wanted:
            raise GensupError("a sound of another length", value=len(sound), rule=f"{wanted} samples")
        return f"{len(sound)} samples, peak {np.abs(sound).max():.2g}, in {took:.1f} s with loading"

    def _recording(self) -> str:
        """What transfer begins with."""
        grid = self.loaded.family.grid
        noise = generator("doctor").standard_normal((1, round(SECONDS * grid.rate))).astype(np.float32)
        with self.loaded.alone() as family:
            took, found = _timed(lambda: codec.latents(family, codec.heard(noise, grid.rate, SECONDS, grid)))
        if not bool(found.isfinite().all()):
            raise _not_finite("what a recording is to the VAE", self._dtype)
        rms = float(found.square().mean().sqrt())
        return f"noise has latents of rms {rms:.2f}, in {took:.1f} s"


def _one_step(family: Family, condition: Condition) -> Denoised:
    shape = family.grid.latent(SECONDS)
    return denoise(family, shape, [0], [condition], SCHEDULE, guidance=type(family).guidance, weights=[1.0], rows=1)


def _timed(do: Callable[[], T]) -> tuple[float, T]:
    began = perf_counter()
    done = do()
    return perf_counter() - began, done


def _not_finite(what: str, dtype: str) -> GensupError:
    overflow = "--dtype bfloat16 or float32: it overflows" if dtype == "float16" else "fetch the checkpoint again"
    return GensupError(f"{what} is not finite", value=dtype, rule="numbers throughout", remedy=overflow)


def _millions(weights: int) -> str:
    return f"{weights / 1e6:.1f} M" if weights >= 1e6 else f"{weights / 1e3:.1f} k"


def _size(size: int) -> str:
    return f"{size / 2**30:.2f} GiB" if size >= 2**27 else f"{size / 2**20:.1f} MiB"
