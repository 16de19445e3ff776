"""Frontends that are models of transformers, from local folders alone: what all of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gensup._compat import ensure_torchaudio
from gensup.audio.files import Audio
from gensup.clip import Json
from gensup.detection.devices import device
from gensup.detection.embedding import Embedding, check_depth, check_layers, heard, too_short
from gensup.detection.examples import Examples
from gensup.detection.means import Means
from gensup.detection.pretrained import CONFIG, OTHER, Checkpoint, Precision, folder, once
from gensup.errors import GensupError
from gensup.store.files import read_json

UNUSED = ("masked_spec_embed",)  # of training alone


class Kind(NamedTuple):
    """What a frontend's folders hold."""

    model_type: str  # in their config.json
    model: str  # transformers' class
    extractor: str  # of features, likewise
    example: str  # a published one, for the error that says what to fetch


class Loaded(NamedTuple):
    """A model and what it hears with."""

    model: Any
    extractor: Any  # the folder's own feature extractor
    device: Any
    dtype: Any

    @property
    def rate(self) -> int:
        """Hz, of what it hears."""
        return int(self.extractor.sampling_rate)

    def features(self, sounds: Sequence[NDArray[np.float32]]) -> dict[str, Any]:
        """What the extractor makes of clips (samples,) of one length."""
        return dict(self.extractor(list(sounds), sampling_rate=self.rate, return_tensors="pt"))

    def output(self, features: Mapping[str, Any]) -> Any:
        """The model's output for the extractor's features, with the states of all layers."""
        import torch

        given = {
            name: x.to(self.device, self.dtype if x.is_floating_point() else x.dtype) for name, x in features.items()
        }
        with torch.inference_mode():
            return self.model(**given, output_hidden_states=True, return_dict=True)


class OfTransformers(ABC):
    """A frontend that is a folder of weights: its settings are a dataclass with ``checkpoint`` and ``precision``."""

    __slots__ = ()

    version: ClassVar[int] = 1
    per_clip_seconds: ClassVar[float] = Embedding.per_clip_seconds
    trained: ClassVar[bool] = False
    together: ClassVar[int] = 16
    kind: ClassVar[Kind]

    def ready(self, normals: Examples, means: Means, seed: int) -> Embedding:
        return self.untrained(means)

    def untrained(self: Any, means: Means) -> Embedding:
        checkpoint, config = find(means, self.checkpoint, self.kind)
        self.check(config, checkpoint)
        return Embedding(self, checkpoint, means.device)

    def restore(self, file: Path, means: Means) -> Embedding:
        return self.untrained(means).restored(file)

    def check(self, config: Mapping[str, Json], checkpoint: Checkpoint) -> None:  # noqa: B027  # some have nothing to ask
        """GensupError when the settings ask for what a folder with this configuration has not."""

    def embed(
        self: Any, clips: Sequence[Audio], rate: int, checkpoint: Checkpoint, device: str | None
    ) -> list[NDArray[np.float32]]:
        loaded = load(checkpoint, self.kind, device, self.precision)
        found: list[NDArray[np.float32]] = self.tokens_of(loaded, [heard(clip, rate, loaded.rate) for clip in clips])
        return found

    @abstractmethod
    def tokens_of(self, loaded: Loaded, sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """(time, freq, dim) of each clip (samples,) at the model's rate, all of one length."""


@dataclass(frozen=True, slots=True)
class Layered(OfTransformers):
    """A folder of weights and the layers whose tokens stand side by side, (time, freq, dim * layers)."""

    checkpoint: str
    layers: tuple[int, ...] = (12,)  # 0: what the first layer is given
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        check_layers(self.layers)

    def check(self, config: Mapping[str, Json], checkpoint: Checkpoint) -> None:
        check_depth(self.layers, config.get("num_hidden_layers", 12), checkpoint)


@dataclass(frozen=True, slots=True)
class Framewise(Layered):
    """A model that hears samples and gives frames, (time, 1, dim * layers): Wav2Vec 2.0, HuBERT, WavLM.

    A clip of any length is heard whole; one at another rate than the folder's (16 kHz) is resampled to it.
    """

    def tokens_of(self, loaded: Loaded, sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        least, config = 1, loaded.model.config
        for width, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
            least = (least - 1) * stride + width
        if len(sounds[0]) < least:
            raise too_short(len(sounds[0]), loaded.rate, f"a frame is {least} samples at {loaded.rate} Hz")
        x = states(loaded.output({"input_values": loaded.features(sounds)["input_values"]}), self.layers)
        return list(x[:, :, None].float().cpu().numpy())


def find(means: Means, name: str, kind: Kind) -> tuple[Checkpoint, dict[str, Json]]:
    """A folder of weights of that kind, and its configuration.

    Raises:
        GensupError: not there, or of another architecture.
    """
    where = (means.weights or Path("WEIGHTS")) / name
    remedy = f"fetch it, e.g. `hf download {kind.example} --local-dir {where}`, and pass --weights"
    checkpoint = folder(means, name, kind.model_type, remedy)
    config = read_json(checkpoint.path / CONFIG)
    return checkpoint, config if isinstance(config, dict) else {}


def load(checkpoint: Checkpoint, kind: Kind, where: str | None, precision: Precision) -> Loaded:
    """A folder's model, once a process.

    Raises:
        GensupError: weights that do not fit the configuration.
    """
    import torch

    place, dtype = device(where), torch.bfloat16 if precision == "bf16" else torch.float32

    def make() -> Loaded:
        ensure_torchaudio()
        import transformers

        how = {"local_files_only": True}
        try:
            with _no_bars():
                made, report = getattr(transformers, kind.model).from_pretrained(
                    checkpoint.path, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **how
                )
                features = getattr(transformers, kind.extractor).from_pretrained(checkpoint.path, **how)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise GensupError(OTHER, where=str(checkpoint.path), value=first[:160], rule=kind.model) from None
        missing = sorted(name for name in report["missing_keys"] if not name.endswith(UNUSED))
        if missing:
            raise GensupError(
                OTHER, where=str(checkpoint.path), value=f"without {missing[0]}", rule=f"all arrays of {kind.model}"
            )
        return Loaded(made.eval().requires_grad_(False).to(place, dtype), features, place, dtype)

    loaded: Loaded = once(checkpoint, str(place), precision, make)
    return loaded


@contextmanager
def _no_bars() -> Iterator[None]:
    """Without transformers' progress bars: every worker would draw them."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def states(output: Any, layers: tuple[int, ...]) -> Any:
    """(clips, tokens, dim * layers): the states of these layers side by side, the last as the model gives it out."""
    import torch

    last = len(output.hidden_states) - 1
    return torch.cat([output.last_hidden_state if n == last else output.hidden_states[n] for n in layers], dim=-1)
