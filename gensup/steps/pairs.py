"""Recipes that were published with a generator: its settings stand where the user says nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from gensup.clip import Json
from gensup.detection.recipe import Recipe
from gensup.errors import GensupError
from gensup.registry import unknown
from gensup.steps.synthesize import Settings

T = TypeVar("T")


def with_generator(settings: Settings, recipes: Iterable[Recipe]) -> Settings:
    """``settings`` with the generator settings of the recipes that are pairs.

    A setting that differs from its own default is the user's and stays; so does one that is given as its default, which
    cannot be told from one that is not given.

    Raises:
        GensupError: pairs that want different generators, or a setting that twin sets do not have.
    """
    pairs = {recipe.name: recipe.pair for recipe in recipes if recipe.pair is not None}
    if not pairs:
        return settings
    (first, pair), *others = pairs.items()
    for name, other in others:
        if other.generator != pair.generator:
            raise GensupError(
                "pairs of different generators",
                where="--detector",
                value=f"{first}, {name}",
                rule="candidates of one run answer one set of twins",
                remedy="tune them in runs of their own",
            )
    return _filled(settings, pair.generator, f"detectors/{first}.yaml: pair.generator")


def _filled(given: T, wanted: Mapping[str, Json], where: str) -> T:
    """A dataclass with ``wanted`` in the fields that hold their default; of a nested one, likewise."""
    own = {field.name: field for field in fields(given)}  # type: ignore[arg-type]
    hints = get_type_hints(type(given))
    changed: dict[str, object] = {}
    for key, value in wanted.items():
        if key not in own:
            raise unknown("setting", key, tuple(own), where=where)
        there: Any = getattr(given, key)
        if is_dataclass(there) and isinstance(value, Mapping):
            changed[key] = _filled(there, value, f"{where}.{key}")
        elif there == _default(own[key]) and not isinstance(value, Mapping):
            changed[key] = _typed(hints[key], value, f"{where}.{key}")
    return replace(given, **changed)  # type: ignore[type-var]


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _typed(hint: Any, value: Json, where: str) -> object:
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        raise GensupError("not a value for this", where=where, value=value, rule=error.errors()[0]["msg"]) from None
