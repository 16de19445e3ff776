"""A fitted recipe with its threshold: what is saved, loaded and pointed at a machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal, cast

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection.examples import Examples
from gensup.detection.features import pooled
from gensup.detection.parts import FittedBackend, Params, Scores
from gensup.detection.recipe import build
from gensup.engine import Engine, single_threaded
from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.rng import seed
from gensup.store import SCHEMA, ArrayCache, check_schema, read_json, sha256_file, write_bytes, write_json

ALARM_QUANTILE = 0.9  # share of held-out normal clips below the threshold, as in the DCASE baseline


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of normal clips by models fitted without them: what a score is measured against."""

    mean: float
    sd: float
    threshold: float  # scores above it are called anomalous


@dataclass(frozen=True, slots=True)
class Detector:
    """One fitted chain, with one model a group."""

    machine: str
    recipe: str
    group_by: tuple[str, ...]
    params: Params
    rate: int  # Hz
    channel: Channel
    held_out: HeldOut
    models: Mapping[str, FittedBackend]  # by group

    @property
    def threshold(self) -> float:
        return self.held_out.threshold

    def group_of(self, group: str, where: str) -> str:
        """The model that a clip of ``group`` is scored by: its own, or the only one when the clip does not say.

        Raises:
            GensupError: no model of that group.
        """
        if group in self.models:
            return group
        if not group and len(self.models) == 1:
            return next(iter(self.models))
        raise unknown("group for this detector", group or "not said", sorted(self.models), where=where)

    def score(self, clips: Examples, engine: Engine, cache: ArrayCache | None = None) -> Scores:
        """(clips,) anomaly scores, higher = more anomalous; ``clips.group`` names models of this detector."""
        chain = build(self.params)
        (x,) = pooled(engine, clips, chain.frontend, [chain.pooling], cache)
        groups = np.asarray(clips.group)
        if any(model.dim != x.shape[1] for model in self.models.values()):
            raise GensupError(
                "the parts of the detector do not fit together",
                where=f"{self.recipe} of {self.machine}",
                value=f"vectors of {x.shape[1]} numbers",
                rule="as many as the models were fitted on",
                remedy="fit the detector again",
            )
        scores = np.empty(len(clips))
        with single_threaded():
            for group in np.unique(groups):
                rows = groups == group
                scores[rows] = self.models[str(group)].score(x[rows])
        return scores

    def normalised(self, scores: Scores) -> Scores:
        """Scores in standard deviations from the mean of held-out normal clips."""
        return (scores - self.held_out.mean) / self.held_out.sd

    def save(self, folder: Path) -> None:
        """Write model.safetensors and detector.json, each whole or not at all, the description last."""
        from safetensors.numpy import save

        arrays = {
            f"{group}/{k}": np.ascontiguousarray(v) for group, m in self.models.items() for k, v in m.state().items()
        }
        weights = folder / "model.safetensors"
        write_bytes(weights, save(arrays))
        description: dict[str, Json] = {
            "schema": SCHEMA,
            "kind": "chain",
            "machine": self.machine,
            "recipe": self.recipe,
            "group_by": list(self.group_by),
            "groups": [*sorted(self.models)],
            "params": dict(self.params),
            "rate": self.rate,
            "channel": self.channel,
            "held_out": asdict(self.held_out),
            "weights_sha256": sha256_file(weights),
        }
        write_json(folder / "detector.json", description)


def fit(
    engine: Engine,
    recipe: str,
    group_by: tuple[str, ...],
    params: Params,
    normals: Examples,
    held_out: Scores,
    *,
    machine: str,
    cache: ArrayCache | None = None,
) -> Detector:
    """Fit one configuration on all normal clips.

    Args:
        held_out: (clips,) scores by models that were fitted without the clip: threshold and scale come from these.

    Raises:
        GensupError: a clip that cannot be read.
    """
    chain = build(params)
    groups = np.asarray(normals.group)
    (x,) = pooled(engine, normals, chain.frontend, [chain.pooling], cache)
    models = {}
    with single_threaded():  # as in the workers: the same clips give the same bytes on any machine's number of cores
        for group in np.unique(groups):
            rows = groups == group
            domain = None if normals.target_domain is None else normals.target_domain[rows]
            models[str(group)] = chain.backend.fit(x[rows], domain, seed("fit", str(group), "all"))
    return Detector(
        machine=machine,
        recipe=recipe,
        group_by=group_by,
        params=params,
        rate=normals.audio[0].rate,
        channel=normals.audio[0].channel,
        held_out=HeldOut(
            mean=float(held_out.mean()),
            # Equal scores have no scale; 1 keeps the normalised score finite.
            sd=float(held_out.std()) or 1.0,
            threshold=float(np.quantile(held_out, ALARM_QUANTILE)),
        ),
        models=models,
    )


def load(folder: Path) -> Detector:
    """A detector from its folder.

    Raises:
        GensupError: missing, damaged, not a detector, or written by a newer gensup.
    """
    from safetensors.numpy import load_file

    path = folder / "detector.json"
    if not path.is_file():
        raise GensupError(
            "no detector here",
            where=str(folder),
            rule="a detector is a folder with detector.json",
            remedy="name the folder that `gensup fit` or `gensup tune` wrote",
        )
    content = cast("dict[str, Json]", read_json(path))
    check_schema(content.get("schema"), str(path))
    weights = folder / "model.safetensors"
    if not weights.is_file() or sha256_file(weights) != content.get("weights_sha256"):
        raise GensupError(
            "the weights are not those of this detector",
            where=str(weights),
            rule="their SHA-256 stands in detector.json",
            remedy="fit the detector again",
        )
    try:
        said = TypeAdapter(_Description).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise GensupError(
            "the description is damaged",
            where=f"{path}: {'.'.join(map(str, first['loc']))}",
            value=str(first["input"]),
            rule=first["msg"],
            remedy="fit the detector again",
        ) from None
    backend = build(said.params).backend
    arrays = load_file(weights)
    try:
        models = {
            group: backend.restore(
                {k.removeprefix(f"{group}/"): v for k, v in arrays.items() if k.startswith(f"{group}/")}
            )
            for group in said.groups
        }
    except KeyError as error:
        raise GensupError(
            "the weights lack an array", where=str(weights), value=str(error), remedy="fit the detector again"
        ) from None
    return Detector(
        machine=said.machine,
        recipe=said.recipe,
        group_by=said.group_by,
        params=said.params,
        rate=said.rate,
        channel=said.channel,
        held_out=said.held_out,
        models=models,
    )


@dataclass(frozen=True, slots=True)
class _Description:
    """detector.json, as far as a detector is made from it."""

    kind: Literal["chain"]
    machine: str
    recipe: str
    group_by: tuple[Literal["machine", "section"], ...]
    groups: tuple[str, ...]
    params: dict[str, Json]
    rate: Annotated[int, Field(gt=0)]
    channel: Literal["near", "far", "mean"] | Annotated[int, Field(ge=0)]
    held_out: HeldOut
