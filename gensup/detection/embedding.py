"""What frontends with pretrained weights share: layers, sound at the network's rate, tokens that are finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Audio, resampled
from gensup.detection.parts import Tokens
from gensup.errors import GensupError


def checked_layers(layers: tuple[int, ...]) -> None:
    """Whether these can be layers of any network.

    Raises:
        GensupError: none, one twice, or a negative one.
    """
    if not layers or min(layers) < 0 or len(set(layers)) < len(layers):
        raise GensupError(
            "not layers of a network",
            where="frontend.layers",
            value=list(layers),
            rule="each once, 0 the input of the first",
        )


def in_range(layers: tuple[int, ...], count: int, where: str) -> None:
    """Whether a network of ``count`` layers has these.

    Raises:
        GensupError: it has not.
    """
    if max(layers) > count:
        raise GensupError("no such layer", where=where, value=max(layers), rule=f"0 to {count}")


def heard(audio: Audio, rate: int, wanted: int) -> NDArray[np.float32]:
    """(samples,) of the first channel at ``wanted`` Hz, resampled where the clip has another rate."""
    return np.ascontiguousarray(resampled(audio[:1], rate, wanted)[0])


def too_short(samples: int, rate: int, rule: str) -> GensupError:
    """The error for a clip without a single token."""
    return GensupError(
        "the clip is too short for one patch",
        value=f"{samples / rate:.3f} s",
        rule=rule,
        remedy="leave the clip out, or choose a frontend with shorter frames",
    )


def finite(x: NDArray[np.float32], name: str) -> Tokens:
    """Tokens (time, freq, dim), none of them NaN.

    Raises:
        GensupError: the network made NaN or infinity of a clip.
    """
    if not np.isfinite(x).all():
        raise GensupError(
            "the network made NaN or infinity of the clip",
            value=f"{np.count_nonzero(~np.isfinite(x))} numbers",
            rule="embeddings are finite",
            remedy=f"check the weights of {name}; with bf16, try fp32",
        )
    return Tokens(np.ascontiguousarray(x, dtype=np.float32))
