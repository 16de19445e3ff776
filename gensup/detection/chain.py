"""A fitted recipe with its threshold: one chain of parts, with one model a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection.examples import Examples
from gensup.detection.features import pooled, ready_many
from gensup.detection.grown import grown
from gensup.detection.held_out import HeldOut
from gensup.detection.means import NOTHING, Means
from gensup.detection.parts import STATE, FittedBackend, FittedFrontend, Params, Pooling, Scores, Vectors
from gensup.detection.recipe import Chain, build
from gensup.detection.resampling.smote import Smote
from gensup.detection.saved import (
    DESCRIPTION,
    WEIGHTS,
    GroupBy,
    Rate,
    SavedChannel,
    checked,
    encoded,
    group_of,
    remove_leftovers,
    verified,
)
from gensup.engine import Engine, Inline, collect, single_threaded
from gensup.errors import GensupError
from gensup.rng import seed
from gensup.store import SCHEMA, write_bytes


@dataclass(frozen=True, slots=True, eq=False)
class ChainDetector:
    """One fitted configuration of one recipe. It is equal to itself alone."""

    machine: str
    recipe: str
    group_by: tuple[str, ...]
    params: Params
    rate: int  # Hz
    channel: Channel
    held_out: HeldOut
    frontend: FittedFrontend
    models: Mapping[str, FittedBackend]  # by group
    transductive: bool = False  # its recipe says that a clip's score depends on the clips that it is scored with

    @property
    def threshold(self) -> float:
        return self.held_out.threshold

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(sorted(self.models))

    @property
    def description(self) -> str:
        """E.g. "twfr-gmm (backend.n_components 2, ...)"."""
        values = ", ".join(f"{path} {value}" for path, value in sorted(self.params.items()))
        return f"{self.recipe} ({values})"

    def group_of(self, group: str, where: str) -> str:
        """The model that a clip of ``group`` is scored by: its own, or the only one when the clip does not say.

        Raises:
            GensupError: no model of that group.
        """
        return group_of(self.groups, group, where)

    def score(self, clips: Examples, engine: Engine, means: Means = NOTHING) -> Scores:
        """(clips,) anomaly scores, higher = more anomalous; ``clips.group`` names models of this detector."""
        return score_many([self], clips, engine, means)[self]

    def score_vectors(self, x: Vectors, group: Sequence[str]) -> Scores:
        """(clips,) scores of vectors (clips, dim) that this detector's own frontend and pooling made.

        Raises:
            GensupError: the models were fitted on vectors of another length.
        """
        if any(model.dim != x.shape[1] for model in self.models.values()):
            raise GensupError(
                "the parts of the detector do not fit together",
                where=f"{self.recipe} of {self.machine}",
                value=f"vectors of {x.shape[1]} numbers",
                rule="as many as the models were fitted on",
                remedy="fit the detector again",
            )
        groups = np.asarray(group)
        scores = np.empty(len(x))
        for name in np.unique(groups):
            rows = groups == name
            scores[rows] = self.models[str(name)].score(x[rows])
        return scores

    def normalised(self, scores: Scores) -> Scores:
        """Scores in standard deviations from the mean of held-out normal clips."""
        return self.held_out.normalised(scores)

    def files(self) -> dict[str, bytes]:
        """What ``save`` writes, by file name, the description last."""
        from safetensors.numpy import save

        arrays = {
            f"{group}/{k}": np.ascontiguousarray(v) for group, m in self.models.items() for k, v in m.state().items()
        }
        arrays |= {f"{STATE}{name}": np.ascontiguousarray(array) for name, array in self.frontend.state().items()}
        weights = save(arrays)
        description: dict[str, Json] = {
            "schema": SCHEMA,
            "kind": "chain",
            "machine": self.machine,
            "recipe": self.recipe,
            "group_by": list(self.group_by),
            "groups": list(self.groups),
            "params": dict(self.params),
            "rate": self.rate,
            "channel": self.channel,
            "held_out": asdict(self.held_out),
            "weights_sha256": sha256(weights).hexdigest(),
            **({"transductive": True} if self.transductive else {}),
        }
        return {WEIGHTS: weights, DESCRIPTION: encoded(description)}

    def save(self, folder: Path) -> None:
        """Write model.safetensors and detector.json, each whole or not at all, the description last."""
        files = self.files()
        for name, data in files.items():
            write_bytes(folder / name, data)
        remove_leftovers(folder, keep=files)


def restored(folder: Path, content: Mapping[str, Json], means: Means = NOTHING) -> ChainDetector:
    """The detector that a folder's description ``content`` speaks of.

    Raises:
        GensupError: damaged, or weights that are not its own.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    weights = folder / WEIGHTS
    data = verified(weights, content.get("weights_sha256"), "weights")
    said: _Description = checked(_Description, content, folder / DESCRIPTION)
    chain = build(said.params)
    try:
        arrays = load(data)
        models = {}
        for group in said.groups:
            own = {k.removeprefix(f"{group}/"): v for k, v in arrays.items() if k.startswith(f"{group}/")}
            # "fan/00/means" is not an array of group "fan".
            models[group] = chain.backend.restore({k: v for k, v in own.items() if "/" not in k})
    except (KeyError, SafetensorError) as error:
        raise GensupError(
            "the weights lack an array", where=str(weights), value=str(error), remedy="fit the detector again"
        ) from None
    return ChainDetector(
        machine=said.machine,
        recipe=said.recipe,
        group_by=said.group_by,
        params=said.params,
        rate=said.rate,
        channel=said.channel,
        held_out=said.held_out,
        frontend=chain.frontend.restore(weights, means),
        models=models,
        transductive=said.transductive,
    )


@dataclass(frozen=True, slots=True)
class _Description:
    """detector.json, as far as a detector is made from it."""

    kind: Literal["chain"]
    machine: str
    recipe: str
    group_by: GroupBy
    groups: tuple[str, ...]
    params: dict[str, Json]
    rate: Rate
    channel: SavedChannel
    held_out: HeldOut
    transductive: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """A configuration that is to be fitted."""

    recipe: str
    params: Params
    held_out: Scores  # (n,) of normal clips by models fitted without them: threshold and scale come from these
    transductive: bool = False


def fit(
    engine: Engine,
    recipe: str,
    group_by: tuple[str, ...],
    params: Params,
    normals: Examples,
    held_out: Scores,
    *,
    machine: str,
    means: Means = NOTHING,
    transductive: bool = False,
) -> ChainDetector:
    """Fit one configuration on all normal clips.

    Args:
        held_out: (n,) scores by models that were fitted without the clip: threshold and scale come from these.

    Raises:
        GensupError: a clip that cannot be read.
    """
    wanted = Wanted(recipe, params, held_out, transductive)
    (one,) = fit_many(engine, [wanted], group_by, normals, machine=machine, means=means)
    return one


def fit_many(
    engine: Engine,
    wanted: Sequence[Wanted],
    group_by: tuple[str, ...],
    normals: Examples,
    *,
    machine: str,
    means: Means = NOTHING,
) -> tuple[ChainDetector, ...]:
    """Fit several configurations on all normal clips, in the order asked for; each frontend hears the clips once.

    Raises:
        GensupError: a clip that cannot be read, or a fit that failed.
    """
    chains = [build(one.params) for one in wanted]
    fronts = {
        frontend: ready_many(engine, frontend, [normals], means)[0]
        for frontend in dict.fromkeys(chain.frontend for chain in chains)
    }
    heard = [(fronts[chain.frontend], chain.pooling) for chain in chains]
    one_fold = np.zeros(len(normals), dtype=np.intp), np.ones(len(normals), dtype=bool)
    clips = {s: normals if s is None else grown(normals, s, *one_fold)[0] for s in {chain.grown for chain in chains}}
    items: list[tuple[Chain, Vectors]] = [(chain, np.empty((0, 0), dtype=np.float32)) for chain in chains]
    for smote, mine in clips.items():
        places = [i for i, chain in enumerate(chains) if chain.grown == smote]
        for i, x in zip(places, _vectors(engine, [heard[i] for i in places], mine, means), strict=True):
            items[i] = chains[i], x
    task = _FitAll({smote: (mine.group, mine.target_domain) for smote, mine in clips.items()})
    # One fit is not worth another process.
    models = collect(engine if len(items) > 1 else Inline(), task, items)
    return tuple(
        ChainDetector(
            machine=machine,
            recipe=one.recipe,
            group_by=group_by,
            params=one.params,
            rate=normals.audio[0].rate,
            channel=normals.audio[0].channel,
            held_out=HeldOut.of(one.held_out),
            frontend=frontend,
            models=fitted,
            transductive=one.transductive,
        )
        for one, (frontend, _), fitted in zip(wanted, heard, models, strict=True)
    )


def score_many(
    detectors: Sequence[ChainDetector], clips: Examples, engine: Engine, means: Means = NOTHING
) -> dict[ChainDetector, Scores]:
    """(clips,) raw scores of each detector; one that stands there twice is scored once, a frontend hears a clip once.

    Raises:
        GensupError: a clip that cannot be read, or parts that do not fit together.
    """
    distinct = list(dict.fromkeys(detectors))
    heard = [(detector.frontend, build(detector.params).pooling) for detector in distinct]
    vectors = _vectors(engine, heard, clips, means)
    with single_threaded():
        return {detector: detector.score_vectors(x, clips.group) for detector, x in zip(distinct, vectors, strict=True)}


def _vectors(
    engine: Engine, heard: Sequence[tuple[FittedFrontend, Pooling]], clips: Examples, means: Means
) -> list[Vectors]:
    """(clips, dim) of each frontend and pooling; what they share is computed once."""
    poolings: dict[FittedFrontend, list[Pooling]] = {}
    for frontend, pooling in heard:
        known = poolings.setdefault(frontend, [])
        if pooling not in known:
            known.append(pooling)
    made = {frontend: pooled(engine, clips, frontend, mine, means.cache) for frontend, mine in poolings.items()}
    return [made[frontend][poolings[frontend].index(pooling)] for frontend, pooling in heard]


@dataclass(frozen=True, slots=True)
class _FitAll:
    """One worker's task: the models of one configuration, fitted on every clip of their group."""

    doing = "fitting"

    clips: Mapping[Smote | None, tuple[tuple[str, ...], NDArray[np.bool_] | None]]  # groups and domains

    def __call__(self, item: tuple[Chain, Vectors]) -> dict[str, FittedBackend]:
        chain, x = item
        group, target_domain = self.clips[chain.grown]
        groups = np.asarray(group)
        models = {}
        for group in np.unique(groups):
            rows = groups == group
            domain = None if target_domain is None else target_domain[rows]
            models[str(group)] = chain.backend.fit(x[rows], domain, seed("fit", str(group), "all"))
        return models
