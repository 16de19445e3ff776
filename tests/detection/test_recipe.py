"""Recipes: data that is checked to the last key."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.detection.recipe import build, load, load_all, trial_id
from gensup.errors import GensupError

MINIMAL = """
name: mine
paper: {cite: me}
frontend: {kind: log-mel}
pooling: {kind: gwrp}
backend: {kind: gmm, n_components: 1}
space: {pooling.decay: {low: 0, high: 1, step: 0.25}}
"""


def overlay(folder: Path, text: str) -> Path:
    (folder / "mine.yaml").write_text(text)
    return folder


def test_the_published_grid() -> None:
    recipe = load("twfr-gmm")
    points = recipe.configurations()
    assert len(points) == 51 * 4
    assert len({trial_id("twfr-gmm", point) for point in points}) == 204
    assert [point["pooling.decay"] for point in points[::4]][23] == 0.46
    assert dict(recipe.default) in points
    assert (recipe.default["pooling.decay"], recipe.default["backend.n_components"]) == (1.0, 2)


def test_all_shipped_recipes_build() -> None:
    recipes = load_all()
    assert {"twfr-gmm", "mean-gmm", "max-gmm"} <= {recipe.name for recipe in recipes}
    for recipe in recipes:
        for point in recipe.configurations():
            build(point)
        assert recipe.paper["cite"]


def test_an_overlay_adds_a_recipe(tmp_path: Path) -> None:
    recipe = load("mine", overlay(tmp_path, MINIMAL))
    assert [point["pooling.decay"] for point in recipe.configurations()] == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"pooling.decy": 0.4}, r"pooling\.decay"),
        ({"pooling.decay": 1.5}, "out of range"),
        ({"pooling.decay": "0.5"}, "not a value"),
        ({"pooling.decay": True}, "not a value"),
        ({"backend.n_components": 2.5}, "not a value"),
        ({"backend.score": "best"}, "not a value"),
        ({"frontend.kind": "beats"}, "recipe path"),
        ({"frontend.hop": 0}, r"frontend\.hop"),
    ],
)
def test_values_are_checked(values: dict, word: str) -> None:
    with pytest.raises(GensupError, match=word):
        load("twfr-gmm").with_values(values)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("name: mine", "name: yours", "not the file's"),
        ("kind: gwrp", "kind: gwrq", "did you mean gwrp"),
        ("kind: gwrp", "kind: ../x", "unknown pooling"),
        ("backend:", "bakend:", "did you mean backend"),
        ("step: 0.25", "step: 0", "not an axis"),
        ("{low: 0, high: 1, step: 0.25}", "[]", "without values"),
        ("{low: 0, high: 1, step: 0.25}", "[0, 7]", "out of range"),
        ("pooling.decay:", "pooling.delay:", "did you mean pooling.decay"),
        ("paper: {cite: me}", "", "missing"),
        ("paper: {cite: me}", "paper: {cite: me}\ntrain_on: others", "cannot train on this"),
        ("paper: {cite: me}", "paper: {cite: me}\npaper: {cite: you}", "YAML"),
    ],
)
def test_a_damaged_recipe_is_named(tmp_path: Path, old: str, new: str, word: str) -> None:
    with pytest.raises(GensupError, match=word):
        load("mine", overlay(tmp_path, MINIMAL.replace(old, new)))


def test_an_unknown_recipe_has_neighbours() -> None:
    with pytest.raises(GensupError, match="did you mean twfr-gmm"):
        load("twfr-gm")
