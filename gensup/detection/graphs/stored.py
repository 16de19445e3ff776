"""FILE.onnx and FILE.pair.safetensors: a clip and the score that gensup gave it, by which any copy is checked."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gensup.detection.graphs.running import scored
from gensup.errors import GensupError
from gensup.store import SCHEMA, check_schema, write_bytes
from gensup.store.files import read_bytes

SUFFIX = ".onnx"
DEVIATIONS = 1e-3  # of held-out normal scores: no decision and no ranking notices less
ROUNDING = 1e-5  # of the score itself: distances of single-precision vectors that nearly agree have lost digits


@dataclass(frozen=True, slots=True)
class Pair:
    """An input and its output."""

    clip: NDArray[np.float32]  # (1, samples)
    score: float
    tolerance: float  # of other scores of the clip

    @classmethod
    def of(cls, clip: NDArray[np.float32], score: float, sd: float) -> Pair:
        """Args: sd: of the detector's held-out scores."""
        return cls(clip, score, DEVIATIONS * sd + ROUNDING * abs(score))


@dataclass(frozen=True, slots=True)
class Checked:
    """A model that gave the stored score."""

    path: Path
    score: float  # stored
    found: float  # now
    tolerance: float
    by: str  # what computed it


def pair_of(path: Path) -> Path:
    """Where the pair of a model lies."""
    return path.with_name(f"{path.stem}.pair.safetensors")


def compared(model: bytes, pair: Pair, path: Path) -> Checked:
    """Run the model on the pair's clip.

    Raises:
        GensupError: it scores it otherwise than gensup did, or cannot be run.
    """
    found, by = scored(model, pair.clip)
    if not isfinite(found) or abs(found - pair.score) > pair.tolerance:
        raise GensupError(
            "the model does not score as the detector does",
            where=str(path),
            value=f"{found:.9g} by {by}",
            rule=f"{pair.score:.9g} +- {pair.tolerance:.2g}, gensup's own score of the stored clip",
            remedy="score with `gensup score`; with another version of the runtime it may agree",
        )
    return Checked(path, pair.score, found, pair.tolerance, by)


def write(path: Path, model: bytes, pair: Pair) -> Checked:
    """Write model and pair, if they agree; the pair first.

    Raises:
        GensupError: see ``compared``; nothing is written then.
    """
    from safetensors.numpy import save

    done = compared(model, pair, path)
    said = {"schema": str(SCHEMA), "model_sha256": sha256(model).hexdigest(), "tolerance": repr(pair.tolerance)}
    write_bytes(pair_of(path), save({"clip": pair.clip, "score": np.array([pair.score])}, metadata=said))
    write_bytes(path, model)
    return done


def check(path: Path) -> Checked:
    """Whether the model still gives the stored score of the stored clip.

    Raises:
        GensupError: a file is missing or not the other's, or see ``compared``.
    """
    from safetensors import SafetensorError, safe_open

    place = pair_of(path)
    if not place.is_file():
        raise GensupError(
            "the stored pair is not there",
            where=str(place),
            rule="it lies beside the model, see `gensup export`",
            remedy="copy both files, or export again",
        )
    try:
        with safe_open(place, framework="numpy") as arrays:
            said = arrays.metadata() or {}
            clip, score = arrays.get_tensor("clip"), float(arrays.get_tensor("score")[0])
        schema, digest, tolerance = int(said["schema"]), said["model_sha256"], float(said["tolerance"])
    except (SafetensorError, OSError, KeyError, ValueError, IndexError) as error:
        raise GensupError(
            "the stored pair is damaged", where=str(place), value=str(error), remedy="export again"
        ) from None
    check_schema(schema, str(place))
    model = read_bytes(path)
    if sha256(model).hexdigest() != digest:
        raise GensupError(
            "the model is not the one that was exported",
            where=str(path),
            rule=f"its SHA-256 stands in {place.name}",
            remedy="copy both files again, or export again",
        )
    return compared(model, Pair(clip, score, tolerance), path)
