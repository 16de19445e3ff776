"""Frontends that are models of transformers, from local folders alone: loading, layers, frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gensup._compat import ensure_torchaudio
from gensup.audio.files import Audio
from gensup.clip import Json
from gensup.detection.embedding import heard, too_short
from gensup.detection.means import Means
from gensup.detection.pretrained import CONFIG, OTHER, Checkpoint, Precision, device, folder, once
from gensup.errors import GensupError
from gensup.store.files import read_json

UNUSED = ("masked_spec_embed",)  # of training alone


class Loaded(NamedTuple):
    """A model and what it hears with."""

    model: Any
    extractor: Any  # the folder's own feature extractor
    device: Any
    dtype: Any

    def output(self, features: Any) -> Any:
        """The model's output for the extractor's features, with the states of all layers."""
        import torch

        given = {
            name: x.to(self.device, self.dtype if x.is_floating_point() else x.dtype) for name, x in features.items()
        }
        with torch.inference_mode():
            return self.model(**given, output_hidden_states=True, return_dict=True)


def find(means: Means, name: str, model_type: str, example: str) -> tuple[Checkpoint, dict[str, Json]]:
    """A folder of weights of that type, and its configuration.

    Args:
        example: a published model of this type, for the error that says what to fetch.

    Raises:
        GensupError: not there, or of another architecture.
    """
    where = (means.weights or Path("WEIGHTS")) / name
    remedy = f"fetch it, e.g. `hf download {example} --local-dir {where}`, and pass --weights"
    checkpoint = folder(means, name, model_type, remedy)
    config = read_json(checkpoint.path / CONFIG)
    return checkpoint, config if isinstance(config, dict) else {}


def load(checkpoint: Checkpoint, model: str, extractor: str, where: str | None, precision: Precision) -> Loaded:
    """A folder's model, by the names of transformers' classes, once a process.

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
                made, report = getattr(transformers, model).from_pretrained(
                    checkpoint.path, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **how
                )
                features = getattr(transformers, extractor).from_pretrained(checkpoint.path, **how)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise GensupError(OTHER, where=str(checkpoint.path), value=first[:160], rule=model) from None
        missing = sorted(name for name in report["missing_keys"] if not name.endswith(UNUSED))
        if missing:
            raise GensupError(
                OTHER, where=str(checkpoint.path), value=f"without {missing[0]}", rule=f"all arrays of {model}"
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
    """(1, tokens, dim * layers): the states of these layers side by side, the last as the model gives it out."""
    import torch

    last = len(output.hidden_states) - 1
    return torch.cat([output.last_hidden_state if n == last else output.hidden_states[n] for n in layers], dim=-1)


def framewise(
    loaded: Loaded, clips: Sequence[Audio], rate: int, layers: tuple[int, ...]
) -> Iterator[NDArray[np.float32]]:
    """(time, 1, dim * layers) of each clip, by a model that hears samples: Wav2Vec 2.0, HuBERT, WavLM."""
    wanted = loaded.extractor.sampling_rate
    least = 1
    for width, stride in zip(reversed(loaded.model.config.conv_kernel), reversed(loaded.model.config.conv_stride)):  # noqa: B905
        least = (least - 1) * stride + width
    for clip in clips:
        sound = heard(clip, rate, wanted)
        if len(sound) < least:
            raise too_short(len(sound), wanted, f"a frame is {least} samples at {wanted} Hz")
        features = loaded.extractor(sound, sampling_rate=wanted, return_tensors="pt")
        x = states(loaded.output({"input_values": features["input_values"]}), layers)
        yield x[0, :, None].float().cpu().numpy()
