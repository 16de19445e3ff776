"""Candidates of a selection: every configuration of the wanted recipes, under an id that says what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gensup.clip import Clip, Json
from gensup.detection.recipe import Recipe, build, load, trial_id
from gensup.errors import GensupError
from gensup.selection.records import Trial


@dataclass(frozen=True, slots=True)
class Candidates:
    """Trials by id, and the one with the first recipe's published values."""

    recipes: Mapping[str, Recipe]
    params: Mapping[str, dict[str, Json]]  # trial id -> resolved parameters
    recipe_of: Mapping[str, str]
    default: str

    @classmethod
    def of(cls, detectors: Sequence[str], overlay: Path | None) -> Candidates:
        """Every point of the recipes' spaces, and their defaults.

        Raises:
            GensupError: an unknown recipe, or recipes that do not make one model each for the same groups of clips.
        """
        recipes = {name: load(name, overlay) for name in detectors}
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
        return cls(recipes, params, recipe_of, trial_id(first.name, first.default))

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
            }
            for name, recipe in self.recipes.items()
        }
        return {"detectors": recipes, "default": self.default}

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
        )


def group_of(clip: Clip, machine: str, group_by: Sequence[str]) -> str:
    """The group of a clip, e.g. "slider/00"; parts that the clip does not say are left out."""
    said = {"machine": clip.machine or machine, "section": clip.section}
    return "/".join(said[part] or "" for part in group_by).strip("/")
