"""A recipe: a published system as data. Its own values are its default; its space is what a sweep walks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_type_hints

from gensup.clip import Json
from gensup.detection.composed import Composed
from gensup.detection.parts import (
    BACKENDS,
    FRONTENDS,
    NORMALISES,
    POOLINGS,
    RESAMPLES,
    Backend,
    Frontend,
    Params,
    Pooling,
)
from gensup.detection.resampling.smote import Smote
from gensup.errors import GensupError
from gensup.registry import Registry, unknown
from gensup.resources import mapping, names
from gensup.rng import digest

NEEDED: dict[str, Registry] = {"frontend": FRONTENDS, "pooling": POOLINGS, "backend": BACKENDS}
OPTIONAL: dict[str, Registry] = {"resample": RESAMPLES, "normalise": NORMALISES}
SLOTS = NEEDED | OPTIONAL
GROUPS = ("machine", "section")
MATERIAL = ("target", "all")
MAX_POINTS = 10_000
WORDS = ("published", "needs", "reconstruction", "transductive")  # keys that change no number


@dataclass(frozen=True, slots=True)
class Chain:
    """The parts of one configuration, built and checked."""

    frontend: Frontend
    pooling: Pooling
    backend: Backend  # with what stands before and behind it
    grown: Smote | None  # what adds clips before the frontend
    versions: Mapping[str, int]  # of every part: a number changes when its results do


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a recipe needs beside recordings, and its published size where only its weights would tell."""

    weights: tuple[str, ...] = ()  # pretrained checkpoints in the folder of --weights, by name
    gpu: bool = False  # advised: hours become minutes
    extras: tuple[str, ...] = ()  # of the installation
    parameters_for_training: int | None = None  # numbers that are changed, or heard, while it is trained
    parameters_for_detection: int | None = None  # numbers of the network that scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A detector that was published with a generator of the anomalies that it is chosen by."""

    generator: Mapping[str, Json]  # settings of twin sets, which hold where the user says nothing else
    detector: str  # the recipe whose parts and space these are
    criterion: str  # what the paper chooses by, in words; gensup's own selection is used all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One file of detectors/."""

    name: str
    paper: Mapping[str, str]
    group_by: tuple[str, ...]
    train_on: Literal["target", "all"]  # what a trained frontend hears: the machine alone, or all that are there
    default: Params  # "frontend.kind", "frontend.n_fft", ...: the published values
    space: Mapping[str, tuple[Json, ...]]
    published: tuple[Mapping[str, Json], ...] = ()
    needs: Needs = Needs()
    reconstruction: bool = False  # something in it is ours, because no public source says it
    transductive: bool = False  # a clip's score depends on the clips that it is scored with
    pair: Pair | None = None
    members: tuple[str, ...] = ()  # recipes whose standardised scores it is the mean of; parts are its first member's

    @property
    def trained(self) -> bool:
        """Whether its frontend is trained on normal clips."""
        return build(self.default).frontend.trained

    def with_values(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """The default with these paths replaced, every value checked.

        Raises:
            GensupError: a path that the recipe's parts do not have, or a value that they refuse.
        """
        for path in values:
            if path not in self.paths():
                raise unknown("recipe path", path, self.paths(), where=f"detector {self.name}")
        resolved = {**self.default, **values}
        build(resolved)
        return resolved

    def paths(self) -> tuple[str, ...]:
        """Every path that may be set: those of the parts that its default names."""
        return tuple(
            f"{slot}.{field.name}"
            for slot, registry in SLOTS.items()
            if f"{slot}.kind" in self.default
            for field in fields(registry.load(str(self.default[f"{slot}.kind"])))
        )

    def configurations(self) -> tuple[dict[str, Json], ...]:
        """Every point of the space, the grid of its values."""
        grid = (dict(zip(self.space, point, strict=True)) for point in product(*self.space.values()))
        return tuple(self.with_values(point) for point in grid)


def trial_id(recipe: str, params: Params) -> str:
    """Id of a configuration: running it twice is the same trial."""
    return digest("trial", recipe, dict(params), size=8)


def build(params: Params) -> Chain:
    """The parts that resolved parameters describe."""
    parts = parts_of(params)
    backend = parts["backend"]
    if OPTIONAL.keys() & parts.keys():
        backend = Composed(parts.get("resample"), backend, parts.get("normalise"))
    resample = parts.get("resample")
    return Chain(
        frontend=parts["frontend"],
        pooling=parts["pooling"],
        backend=backend,
        grown=resample if isinstance(resample, Smote) and resample.at != "embedding" else None,
        versions={slot: part.version for slot, part in parts.items()},
    )


def parts_of(params: Params) -> dict[str, Any]:
    """The part in every slot that is filled."""
    settings = {slot: {p.split(".", 1)[1]: v for p, v in params.items() if p.startswith(f"{slot}.")} for slot in SLOTS}
    return {slot: _part(slot, mine) for slot, mine in settings.items() if mine or slot in NEEDED}


def load(name: str, overlay: Path | None = None) -> Recipe:
    """A recipe by name, from ``detectors/`` or the user's overlay of it.

    Raises:
        GensupError: no such recipe, or a file that is none.
    """
    return _loaded(name, overlay, ())


def _loaded(name: str, overlay: Path | None, under: tuple[str, ...]) -> Recipe:
    """The recipe; ``under`` are those that it is read for, each for the sake of the one before."""
    where = f"detectors/{under[-1]}.yaml" if under else ""
    known = names("detectors", ".yaml", overlay)
    if name not in known:
        raise unknown("detector", name, known, where=where)
    if name in under:
        ring = " -> ".join((*under[under.index(name) :], name))
        raise GensupError("a recipe that is made of itself", where=where, value=ring, rule="members are other recipes")
    content = mapping("detectors", f"{name}.yaml", overlay)
    if "members" in content:
        return _united(name, content, overlay, under)
    return _paired(name, content, overlay, under) if "pair" in content else _parsed(name, content)


def load_all(overlay: Path | None = None) -> tuple[Recipe, ...]:
    """Every recipe, by name."""
    return tuple(load(name, overlay) for name in names("detectors", ".yaml", overlay))


def _paired(stem: str, content: Mapping[str, Json], overlay: Path | None, under: tuple[str, ...]) -> Recipe:
    """A pair of generator and detector: the detector's recipe under the pair's name and with its words."""
    where = f"detectors/{stem}.yaml"
    _check_keys(stem, content, ("name", "paper", "pair"), WORDS)
    said = _mapping(content["pair"], f"{where}: pair")
    known = tuple(field.name for field in fields(Pair))
    for key in said:
        if key not in known:
            raise unknown("recipe key", f"pair.{key}", tuple(f"pair.{name}" for name in known), where=where)
    pair = Pair(
        generator=_mapping(said.get("generator", {}), f"{where}: pair.generator"),
        detector=_typed(str, said.get("detector"), f"{where}: pair.detector"),
        criterion=_typed(str, said.get("criterion"), f"{where}: pair.criterion"),
    )
    base = _loaded(pair.detector, overlay, (*under, stem))
    if base.pair is not None:
        raise GensupError("a pair of a pair", where=where, value=pair.detector, rule="pair.detector is a plain recipe")
    words = _words(content, where)
    if "needs" not in content:
        words["needs"] = base.needs
    return replace(base, name=stem, pair=pair, **words)


def _united(stem: str, content: Mapping[str, Json], overlay: Path | None, under: tuple[str, ...]) -> Recipe:
    """Recipes that score together, each with its own parts."""
    where = f"detectors/{stem}.yaml: members"
    _check_keys(stem, content, ("name", "paper", "members"), WORDS)
    members = tuple(_typed(str, name, where) for name in _list(content["members"], where))
    found = [_loaded(name, overlay, (*under, stem)) for name in members]
    if len(set(members)) < max(2, len(members)) or len({one.group_by for one in found}) > 1:
        raise GensupError(
            "recipes that cannot score together",
            where=where,
            value=", ".join(members),
            rule="two or more, each once, with a model each for the same clips",
        )
    words = _words(content, where)
    if "needs" not in content:
        weights = dict.fromkeys(weight for one in found for weight in one.needs.weights)
        words["needs"] = Needs(weights=tuple(weights), gpu=any(one.needs.gpu for one in found))
    return replace(found[0], name=stem, members=members, **words)


def plain(wanted: Sequence[str], overlay: Path | None = None) -> tuple[str, ...]:
    """The recipes that have parts of their own, in the place of those that have members; each once."""
    found: dict[str, None] = {}
    for name in wanted:
        found |= dict.fromkeys(plain(load(name, overlay).members, overlay) or (name,))
    return tuple(found)


def _check_keys(stem: str, content: Mapping[str, Json], needed: Sequence[str], others: Sequence[str]) -> None:
    where = f"detectors/{stem}.yaml"
    for key in content:
        if key not in (*needed, *others):
            raise unknown("recipe key", key, (*needed, *others), where=where)
    for key in needed:
        if key not in content:
            raise GensupError("a key is missing", where=where, value=key, rule=f"a recipe has {', '.join(needed)}")
    if content["name"] != stem:
        raise GensupError("the name is not the file's", where=where, value=content["name"], rule=f"name: {stem}")


def _words(content: Mapping[str, Json], where: str) -> dict[str, Any]:
    """What a recipe says of itself."""
    needs, hints = _mapping(content.get("needs", {}), f"{where}: needs"), get_type_hints(Needs)
    for key in needs:
        if key not in hints:
            raise unknown("recipe key", f"needs.{key}", tuple(f"needs.{name}" for name in hints), where=where)
    said: dict[str, Any] = {
        "paper": {key: str(value) for key, value in _mapping(content["paper"], f"{where}: paper").items()},
        "published": tuple(_mapping(row, f"{where}: published") for row in _list(content.get("published", []), where)),
        "needs": Needs(**{key: _typed(hints[key], value, f"{where}: needs.{key}") for key, value in needs.items()}),
    }
    for mark in ("reconstruction", "transductive"):
        said[mark] = _typed(bool, content.get(mark, False), f"{where}: {mark}")
    return said


def _parsed(stem: str, content: Mapping[str, Json]) -> Recipe:
    where = f"detectors/{stem}.yaml"
    _check_keys(stem, content, ("name", "paper", *NEEDED), ("group_by", "train_on", *OPTIONAL, "space", *WORDS))
    default: dict[str, Json] = {}
    for slot in (slot for slot in SLOTS if slot in content):
        settings = _mapping(content[slot], f"{where}: {slot}")
        default |= {f"{slot}.{key}": value for key, value in settings.items()}
    try:
        build(default)
    except GensupError as error:
        raise GensupError(
            error.what, where=f"{where}: {error.where}", value=error.value, rule=error.rule, remedy=error.remedy
        ) from None
    group_by = tuple(_list(content.get("group_by", list(GROUPS)), where))
    if not set(group_by) <= set(GROUPS):
        raise GensupError("cannot group by this", where=where, value=list(group_by), rule=f"among {', '.join(GROUPS)}")
    material = content.get("train_on", "target")
    if material not in MATERIAL:
        raise GensupError("cannot train on this", where=where, value=material, rule=f"among {', '.join(MATERIAL)}")
    recipe = Recipe(
        name=stem,
        group_by=tuple(str(group) for group in group_by),
        train_on="all" if material == "all" else "target",
        default=default,
        space={
            path: _values(value, f"{where}: space.{path}")
            for path, value in _mapping(content.get("space", {}), f"{where}: space").items()
        },
        **_words(content, where),
    )
    for path, values in recipe.space.items():
        for value in values:
            recipe.with_values({path: value})
    # What is swept is said of every candidate, also where the default leaves it to the part.
    parts = parts_of(default)
    unsaid = {path: getattr(parts[path.split(".")[0]], path.split(".")[1]) for path in recipe.space}
    return replace(recipe, default={**unsaid, **default})


def _values(axis: Json, where: str) -> tuple[Json, ...]:
    """The points of one axis: a list, or {low, high, step} with both ends."""
    if isinstance(axis, list):
        if not axis:
            raise GensupError("an axis without values", where=where, rule="a list of values, or {low, high, step}")
        return tuple(axis)
    bounds = _mapping(axis, where)
    numbers = [bounds.get(key) for key in ("low", "high", "step")]
    low, high, step = (n if isinstance(n, int | float) and not isinstance(n, bool) else None for n in numbers)
    if low is None or high is None or step is None or set(bounds) != {"low", "high", "step"} or step <= 0 or high < low:
        raise GensupError(
            "not an axis", where=where, value=dict(bounds), rule="{low, high, step}, step > 0, high >= low"
        )
    if (high - low) / step > MAX_POINTS:
        raise GensupError("too many points", where=where, value=dict(bounds), rule=f"at most {MAX_POINTS} on an axis")
    # Rounded, so that 0.02 * 23 is 0.46 in ids, files and on the command line.
    return tuple(round(low + i * step, 10) for i in range(int(round((high - low) / step, 6)) + 1))


def _part(slot: str, settings: Mapping[str, Json]) -> Any:
    kind = settings.get("kind")
    if not isinstance(kind, str):
        raise GensupError("the part has no kind", where=f"{slot}.kind", value=kind, rule="kind: one of its registry")
    cls = SLOTS[slot].load(kind)
    hints, known = get_type_hints(cls), tuple(field.name for field in fields(cls))
    values = {}
    for key, value in settings.items():
        if key == "kind":
            continue
        if key not in known:
            raise unknown("recipe path", f"{slot}.{key}", tuple(f"{slot}.{name}" for name in known))
        values[key] = _typed(hints[key], value, f"{slot}.{key}")
    return cls(**values)


def _typed(hint: Any, value: Any, where: str) -> Any:
    from pydantic import ValidationError

    try:
        # YAML and JSON have lists only.
        return _adapter(hint).validate_python(tuple(value) if isinstance(value, list) else value, strict=True)
    except ValidationError as error:
        raise GensupError("not a value for this", where=where, value=value, rule=error.errors()[0]["msg"]) from None


@cache
def _adapter(hint: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(hint)


def _mapping(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise GensupError("not a mapping", where=where, value=value, rule="`key: value` lines")
    return value


def _list(value: Json, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise GensupError("not a list", where=where, value=value, rule="[a, b, ...]")
    return value
