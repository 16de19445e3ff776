"""export: a fitted detector as an ONNX file, with a clip and its score by which it is checked, here and elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from gensup.audio.files import MIN_SECONDS, Audio, AudioRef, inspect, write
from gensup.detection.chain import ChainDetector
from gensup.detection.detector import load
from gensup.detection.examples import Examples
from gensup.detection.fusion import Member
from gensup.detection.graphs import stored
from gensup.detection.graphs.exporting import check_installed, exported
from gensup.detection.graphs.expressible import check as check_parts
from gensup.detection.graphs.stored import SUFFIX, Checked, Pair
from gensup.detection.means import Means
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.rng import generator
from gensup.store import SCHEMA, version

SECONDS = 10.0  # of a clip, where neither a length nor a clip is given: DCASE's
LONGEST = 600.0  # seconds of such a clip

__all__ = ["Checked", "Exported", "check_export", "export"]


@dataclass(frozen=True, slots=True)
class Exported:
    """A model that was written."""

    path: Path
    pair: Path
    group: str  # whose models it scores by
    rate: int  # Hz
    samples: int  # of the waveform (1, samples) that it takes
    threshold: float  # scores above it are anomalous
    score: float  # of the stored clip, by gensup
    found: float  # by the model
    by: str  # what ran it


def export(
    detector: Path,
    out: Path,
    *,
    group: str = "",
    clip: Path | None = None,
    seconds: float | None = None,
    weights: Path | None = None,
) -> Exported:
    """Write a detector as ``out``, an ONNX model of clips of one length, and the pair that it was checked by beside it.

    The model takes ``waveform`` (1, samples), single precision at the detector's rate and of the channel that it was
    fitted on, full scale 1, and gives ``score`` (1,), the raw score in double precision. Its metadata says threshold,
    mean, deviation and skewness of held-out normal scores, rate, length, machine, group and recipe.

    Args:
        group: whose models are exported; a detector with several needs it said.
        clip: of the stored pair, and of the model's length; its sound is then in the pair's file. None: a hum in noise.
        seconds: of the model's clips; a longer ``clip`` is cut to it. None: as long as ``clip``, or 10.
        weights: folder of pretrained checkpoints that the detector was fitted with.

    Raises:
        GensupError: the exporter is not installed, a part that has no graph, bad input, or a model that does not score
            the clip as gensup does, which is not written.
    """
    detector, out = Path(detector), Path(out)  # text is welcome, too
    check_installed()
    if out.suffix != SUFFIX:
        raise GensupError("not the name of an ONNX file", where="--out", value=str(out), rule=f"it ends with {SUFFIX}")
    means = Means(weights=None if weights is None else Path(weights), device="cpu")
    fitted = load(detector, means)
    check_parts(fitted)
    group = fitted.group_of(group, "--group")
    sound = _hum(fitted.rate, seconds) if clip is None else _heard(Path(clip), fitted, seconds)
    from gensup.detection.graphs.detector import DetectorGraph

    model = exported(DetectorGraph(fitted, group), sound.shape[1], _said(fitted, group, sound.shape[1]))
    pair = Pair.of(sound, _scored(fitted, group, sound, means), fitted.held_out.sd)
    done = stored.write(out, model, pair)
    return Exported(
        out, stored.pair_of(out), group, fitted.rate, sound.shape[1], fitted.threshold, done.score, done.found, done.by
    )


def check_export(path: Path) -> Checked:
    """Whether an exported model gives the score that is stored beside it, where it lies now.

    Raises:
        GensupError: it does not, a file is missing or altered, or nothing here runs ONNX.
    """
    return stored.check(Path(path))


def _hum(rate: int, seconds: float | None) -> Audio:
    """(1, samples): a hum in noise, the same whenever it is asked for."""
    seconds = SECONDS if seconds is None else seconds
    _check_length(seconds, LONGEST, "")
    rng = generator("export", rate)
    time = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * (50 * k * time + rng.random())) / k for k in range(1, 9))
    return np.asarray(0.05 * (tones + 0.3 * rng.standard_normal(len(time))), dtype=np.float32)[None]


def _heard(clip: Path, fitted: Member, seconds: float | None) -> Audio:
    """(1, samples) of the user's clip, through the gate."""
    inspect(clip)
    audio = AudioRef(clip, fitted.rate, fitted.channel).read()[:1]
    if seconds is None:
        return np.ascontiguousarray(audio)
    _check_length(seconds, audio.shape[1] / fitted.rate, "the clip's ")
    return np.ascontiguousarray(audio[:, : round(seconds * fitted.rate)])


def _check_length(seconds: float, longest: float, whose: str) -> None:
    if not MIN_SECONDS <= seconds <= longest:  # nor is NaN
        raise GensupError("out of range", where="--seconds", value=seconds, rule=f"{MIN_SECONDS} to {whose}{longest:g}")


def _scored(fitted: Member, group: str, sound: Audio, means: Means) -> float:
    """gensup's own score of the clip, by the way that every clip goes."""
    with TemporaryDirectory(prefix="gensup-") as folder:
        path = Path(folder) / "clip.wav"
        write(path, sound, fitted.rate, "FLOAT")
        clips = Examples(audio=(AudioRef(path, fitted.rate, 0),), key=("clip",), group=(group,))
        return float(fitted.score(clips, Inline(), means)[0])


def _said(fitted: Member, group: str, samples: int) -> dict[str, str]:
    """The model's metadata, every name after "gensup."."""
    said: dict[str, object] = {
        "schema": SCHEMA,
        "version": version(),
        "machine": fitted.machine,
        "group": group,
        "group_by": list(fitted.group_by),
        "recipe": fitted.recipe if isinstance(fitted, ChainDetector) else fitted.description,
        "description": fitted.description,
        "rate": fitted.rate,
        "samples": samples,
        "channel": fitted.channel,
        "threshold": fitted.threshold,
        "held_out.mean": fitted.held_out.mean,
        "held_out.sd": fitted.held_out.sd,
        "held_out.skew": fitted.held_out.skew,
    }
    return {f"gensup.{name}": v if isinstance(v, str) else json.dumps(v) for name, v in said.items()}
