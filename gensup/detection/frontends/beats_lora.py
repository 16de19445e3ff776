"""BEATs adapted to tell classes of normal clips apart: all weights (AnoPatch, Jiang et al., Interspeech 2024), or LoRA.

LoRA's values are ASDKit's (Fujimura et al., 2025: rank 64 on queries and values). AnoPatch has no public code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio, resampled
from gensup.detection.by_classes import ByClasses, Classifier
from gensup.detection.examples import Examples
from gensup.detection.laid import tiled
from gensup.detection.learnt import Learnt, Untrained, restored, untrained
from gensup.detection.means import Means
from gensup.detection.parts import STATE, Arrays, Tokens
from gensup.detection.pretrained import Checkpoint, Precision, arrays_of, beats_file, description
from gensup.detection.ranges import in_ranges
from gensup.errors import GensupError

if TYPE_CHECKING:
    import torch

    from gensup.detection.networks.adapted_beats import AdaptedBeats
    from gensup.detection.networks.beats import Beats
    from gensup.detection.training.classifying import Learner
    from gensup.training.course import Course

RATE = 16_000  # Hz; clips at other rates are resampled


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatsLora(ByClasses):
    """One embedding a clip. ``masks`` is a probability a row, ``batch`` is all rows of a step; longer clips are cut."""

    checkpoint: str = "BEATs_iter3"
    adaptation: Literal["lora", "full"] = "lora"
    rank: int = 64
    alpha: float = 8.0  # peft's own, which ASDKit leaves
    dim: int = 256
    seconds: float = 10.0
    loss: str = "sub-cluster-ada-cos"
    margin: float = 0.2
    scale: float = 0.0  # of the cosines; 0: the loss's own
    trainable: bool = True  # the centres are
    masks: float = 0.0  # of SpecAugment, in time and in frequency each
    mask_frames: int = 80
    mask_bands: int = 80
    pseudo: str = "spectra"
    epochs: int = 25
    batch: int = 8
    accumulate: int = 1  # parts of a step, one after another
    learning_rate: float = 1e-4
    warm_up: int = 5000  # steps
    precision: Precision = "fp32"

    name: ClassVar[str] = "beats-lora"
    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = 0.5

    def __post_init__(self) -> None:
        ByClasses.__post_init__(self)
        in_ranges(
            self, rank=(1, 4096), alpha=(1e-3, 1e5), seconds=(0.2, 600), margin=(0, 1.5), scale=(0, 1000),
            masks=(0, 1), mask_frames=(0, 100_000), mask_bands=(0, 128), accumulate=(1, 65536),
            batch=(2 * self.accumulate, 65536), learning_rate=(1e-8, 1.0), warm_up=(0, 10_000_000),
        )  # fmt: skip

    def ready(self, normals: Examples, means: Means, seed: int) -> Learnt:
        from gensup.detection.training.classifying import classified

        mine = self._on(beats_file(means, self.checkpoint))
        return Learnt(mine, classified(mine, normals, means, seed), means.device)

    def untrained(self, means: Means) -> Untrained:
        return untrained(self._on(beats_file(means, self.checkpoint)), means.device)

    def restore(self, file: Path, means: Means) -> Learnt:
        """All that was trained whole needs no other file; factors need the checkpoint that they were trained on."""
        if self.adaptation == "full":
            return restored(self._based(Base(_begun_from(file), 0)), file, means.device)
        checkpoint = beats_file(means, self.checkpoint)
        begun = _begun_from(file)
        if begun != checkpoint.sha256:
            raise GensupError(
                "not the weights that the detector was fitted with",
                where=str(checkpoint.path),
                value=checkpoint.sha256[:16],
                rule=f"SHA-256 {begun[:16]}...",
                remedy="give the folder with those weights, or fit the detector again",
            )
        return restored(self._on(checkpoint), file, means.device)

    def _on(self, checkpoint: Checkpoint) -> Adaptation:
        whole = self.adaptation == "full"
        return self._based(Base(checkpoint.sha256, 0 if whole else checkpoint.n_parameters, checkpoint))

    def _based(self, base: Base) -> Adaptation:
        return Adaptation(**{field.name: getattr(self, field.name) for field in fields(BeatsLora)}, base=base)


class _Lying:
    """Where the weights of a ``Base`` lie: no field of it."""

    checkpoint: Checkpoint | None = None


@dataclass(frozen=True)
class Base(_Lying):
    """Which weights an adaptation begins from: they count, and not the folder that they lie in."""

    sha256: str
    n_parameters: int  # that stay as they are

    def __init__(self, sha256: str, n_parameters: int, checkpoint: Checkpoint | None = None) -> None:
        object.__setattr__(self, "sha256", sha256)
        object.__setattr__(self, "n_parameters", n_parameters)
        object.__setattr__(self, "checkpoint", checkpoint)

    def beats(self) -> Beats:
        """A network with them, of its own.

        Raises:
            GensupError: altered weights, or those of another architecture.
        """
        from gensup.detection.networks.beats import from_checkpoint

        assert self.checkpoint is not None
        path = self.checkpoint.path
        return from_checkpoint(arrays_of(self.checkpoint), description(path), str(path)).float()


@dataclass(frozen=True, kw_only=True)
class Adaptation(BeatsLora, Classifier):
    """The settings, and what they are applied to."""

    base: Base

    @property
    def n_frozen(self) -> int:
        return self.base.n_parameters

    def course(self, steps: int) -> Course:
        """AdamW at one rate after the warm-up."""
        from gensup.training.course import Course

        dtype = "bfloat16" if self.precision == "bf16" else "float32"
        return Course(
            steps=steps, batch=self.batch, accumulate=self.accumulate, rate=self.learning_rate, warmup=self.warm_up,
            clip=None, decay=None, dtype=dtype, validate_every=100, checkpoint_every=500, keep_at=(steps,),
        )  # fmt: skip

    def laid(
        self, samples: NDArray[np.float32], rate: int, rng: np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """(samples of ``seconds`` at 16 kHz,)."""
        return tiled(resampled(samples[None], rate, RATE)[0], round(self.seconds * RATE))

    def learner(self, rate: int, classes: int, generator: torch.Generator, plain: Sequence[bool] = ()) -> Learner:
        from gensup.augmentation.mixup import Mixup
        from gensup.augmentation.spec_augment import SpecAugment
        from gensup.detection.heads import HeadSettings
        from gensup.detection.training.adapting import BeatsLearner

        settings = HeadSettings(
            centres=self.centres_by(plain), margin=self.margin, scale=self.scale or None, trainable=self.trainable
        )
        masks = SpecAugment(self.mask_frames, self.mask_bands, self.masks)
        network = self._network(self.base.beats(), generator.initial_seed())
        return BeatsLearner(network, self.dim, classes, self.loss, settings, Mixup(self.mixup), masks, generator)

    def fresh(self, rate: int) -> Arrays:
        return {name: value.cpu().numpy() for name, value in self._network(self.base.beats()).kept().items()}

    def opened(self, arrays: Arrays, rate: int, device: str) -> AdaptedBeats:
        import torch

        from gensup.detection.networks.adapted_beats import of_config

        beats = of_config(arrays) if self.adaptation == "full" else self.base.beats()
        network = self._network(beats)
        network.take(arrays)
        return network.for_use(device, torch.bfloat16 if self.precision == "bf16" else torch.float32)

    def heard(self, network: Any, audio: Audio, rate: int) -> Tokens:
        import torch

        from gensup.detection.networks.adapted_beats import fbanks

        place = network.beats.patch_embedding.weight
        with torch.inference_mode():
            samples = torch.from_numpy(np.array(self.laid(audio[0], rate)))[None]
            embedding = network(fbanks(samples).to(place.device, place.dtype))
        return Tokens(embedding.float().cpu().numpy()[None])

    def _network(self, beats: Beats, seed: int = 0) -> AdaptedBeats:
        from gensup.detection.networks.adapted_beats import AdaptedBeats

        rank = None if self.adaptation == "full" else self.rank
        return AdaptedBeats(beats, self.dim, rank=rank, alpha=self.alpha, sha256=self.base.sha256, seed=seed)


def _begun_from(file: Path) -> str:
    """The SHA-256 of the weights that those in a detector's file began from."""
    from safetensors import safe_open

    name = f"{STATE}base_sha256"
    with safe_open(file, framework="numpy") as arrays:
        if name not in set(arrays.keys()):
            raise GensupError("the weights lack an array", where=str(file), value=name, remedy="fit the detector again")
        return bytes(arrays.get_tensor(name).astype(np.uint8)).hex()
