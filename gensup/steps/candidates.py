"""Candidates of a selection: every configuration of the wanted recipes, under an id that says what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gensup.clip import Clip, Json
from gensup.detection.means import Means
from gensup.detection.recipe import Recipe, build, load, plain, trial_id
from gensup.errors import GensupError
from gensup.selection.records import Trial

if TYPE_CHECKING:
    from gensup.steps.front import Front


@dataclass(frozen=True, slots=True)
class Candidates:
    """Trials by id, and the one with the first recipe's published values."""

    recipes: Mapping[str, Recipe]
    params: Mapping[str, dict[str, Json]]  # trial id -> resolved parameters
    recipe_of: Mapping[str, str]
    default: str
    # Arrangements of folds at most; None: as many as the clips ask for. A network is trained for every fold.
    repeats: int | None = None

    @classmethod
    def of(cls, detectors: Sequence[str], overlay: Path | None, front: Front | None = None) -> Candidates:
        """Every point of the recipes' spaces, and their defaults.

        Args:
            front: in the place of the frontends that would be trained.

        Raises:
            GensupError: an unknown recipe, recipes that do not make one model each for the same groups of clips, or a
                ``front`` that none of them has a use for.
        """
        detectors = plain(detectors, overlay)  # members compete, and may be fused
        recipes = {name: load(name, overlay) for name in detectors}
        trained = [name for name, recipe in recipes.items() if recipe.trained]
        if front is not None:
            if not trained:
                front.check_params(first := recipes[detectors[0]], first.default)
            recipes |= {name: front.adopted(recipes[name]) for name in trained}
        params: dict[str, dict[str, Json]] = {}
        recipe_of: dict[str, str] = {}
        for name, recipe in recipes.items():
            for point in (*recipe.configurations(), dict(recipe.default)):
                trial = trial_id(name, point)
                params[trial], recipe_of[trial] = point, name
        groups = {name: "/".join(recipe.group_by) for name, recipe in recipes.items()}
        if len(set(groups.values())) > 1:
            raise GensupError(
                "recipes that group clips differently",
                where="--detector",
                value=", ".join(f"{name}: {group}" for name, group in groups.items()),
                rule="candidates of one run can be fused, so each has one model for the same clips",
                remedy="tune them in runs of their own",
            )
        first = recipes[detectors[0]]
        repeats = 1 if trained and front is None else None
        return cls(recipes, params, recipe_of, trial_id(first.name, first.default), repeats)

    def by_material(self, trials: Iterable[str], means: Means) -> tuple[tuple[Means, tuple[str, ...]], ...]:
        """The trials by what their frontends may be trained on: with the clips of other machines, or without."""
        if means.others is None:
            return ((means, tuple(trials)),)
        own: dict[bool, list[str]] = {}
        for trial in trials:
            own.setdefault(self.recipes[self.recipe_of[trial]].train_on == "all", []).append(trial)
        return tuple((means if wide else replace(means, others=None), tuple(mine)) for wide, mine in own.items())

    @property
    def group_by(self) -> tuple[str, ...]:
        """What every candidate has one model each for."""
        return self.recipes[self.recipe_of[self.default]].group_by

    def described(self) -> dict[str, Json]:
        """For run.json: every recipe with its published values and its space, which together are the candidates."""
        recipes: dict[str, Json] = {
            name: {
                "default": dict(recipe.default),
                "space": {path: list(axis) for path, axis in recipe.space.items()},
                "versions": dict(build(recipe.default).versions),
                **({"transductive": True} if recipe.transductive else {}),
                **({"reconstruction": True} if recipe.reconstruction else {}),
            }
            for name, recipe in self.recipes.items()
        }
        fewer: dict[str, Json] = {} if self.repeats is None else {"repeats": self.repeats}
        return {"detectors": recipes, "default": self.default, **fewer}

    def trial(
        self,
        trial: str,
        parameters: int,
        state: Literal["complete", "failed", "pruned"] = "complete",
        reason: str | None = None,
    ) -> Trial:
        """The record of one candidate."""
        params = self.params[trial]
        return Trial(
            id=trial,
            recipe=self.recipe_of[trial],
            params=params,
            varied={path: params[path] for path in self.recipes[self.recipe_of[trial]].space},
            state=state,
            parameters=parameters,
            reason=reason,
            transductive=self.recipes[self.recipe_of[trial]].transductive,
        )


def label_of(clip: Clip, machine: str) -> str:
    """The class of a clip for networks that learn to tell clips apart: "slider|00|vel=300,ac=0.1|source".

    Attributes stand in the order of the name. To detection it is a word like any other.
    """
    said = ",".join(f"{key}={value}" for key, value in clip.attributes)
    return "|".join((clip.machine or machine, clip.section or "", said, clip.domain or ""))


def is_plain(clip: Clip) -> bool:
    """Whether nothing is said of a clip's operating condition."""
    return not clip.attributes


def group_of(clip: Clip, machine: str, group_by: Sequence[str]) -> str:
    """The group of a clip, e.g. "slider/00"; parts that the clip does not say are left out."""
    said = {"machine": clip.machine or machine, "section": clip.section}
    return "/".join(said[part] or "" for part in group_by).strip("/")
