"""Every recipe of detectors/: what it says is complete, and what is ours is said to be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gensup.detection.recipe import Recipe, build, load, load_all, plain
from gensup.errors import GensupError
from gensup.resources import names

RECIPES = load_all()
FOLDER = Path(__file__).resolve().parents[2] / "detectors"
METRICS = {"official", "auc", "pauc", "auc_source", "auc_target"}
ROW = {"data", "metric", "value", "source"}
MAY = ROW | {"tuned_on", "note"}

by_name = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)


@by_name
def test_every_point_of_its_space_builds_and_its_default_is_one(recipe: Recipe) -> None:
    points = recipe.configurations()
    for point in points:
        build(point)
    assert dict(recipe.default) in points
    assert len({repr(sorted(point.items())) for point in points}) == len(points)


@by_name
def test_its_numbers_have_a_source(recipe: Recipe) -> None:
    for row in recipe.published:
        assert row.keys() >= ROW, row
        assert row.keys() <= MAY, row
        assert row["metric"] in METRICS
        assert re.fullmatch(r"dcase20\d\d-(dev|eval)", str(row["data"]))
        assert 0 < float(str(row["value"])) < 100  # per cent
        assert len(str(row["source"])) > 8
    said = [(row["data"], row["metric"], row.get("note")) for row in recipe.published]
    assert len(set(said)) == len(said)


@by_name
def test_it_says_where_it_is_from(recipe: Recipe) -> None:
    assert len(recipe.paper["cite"]) > 20
    assert recipe.paper["url"].startswith("https://")
    if not recipe.published:  # nothing of it was published: it is ours
        assert recipe.reconstruction
        assert recipe.paper["cite"].startswith("this project")


@by_name
def test_what_is_ours_is_said_in_the_file(recipe: Recipe) -> None:
    text = (FOLDER / f"{recipe.name}.yaml").read_text()
    ours = re.search(r"\b(ours|no source|not public|no public|nothing public|stands in)\b", text, re.IGNORECASE)
    assert bool(ours) or not recipe.reconstruction
    assert not re.search(r"\b(unverified|TODO|probably|presumably)\b", text, re.IGNORECASE)


@by_name
def test_weights_are_needed_where_a_checkpoint_is_named(recipe: Recipe) -> None:
    for name in plain([recipe.name]):
        default = load(name).default
        if "frontend.checkpoint" in default:
            assert default["frontend.checkpoint"] in recipe.needs.weights


def test_the_readme_names_each() -> None:
    text = (FOLDER / "README.md").read_text()
    listed = re.findall(r"^\| ((?:`[a-z0-9-]+`(?:, )?)+) \|", text, re.MULTILINE)
    assert sorted(name for cell in listed for name in re.findall(r"`([^`]+)`", cell)) == sorted(
        names("detectors", ".yaml")
    )


UNITED = "name: both\npaper: {cite: me}\nmembers: [mean-gmm, max-gmm]\n"


def overlay(folder: Path, text: str) -> Path:
    (folder / "both.yaml").write_text(text)
    return folder


def test_members_score_together(tmp_path: Path) -> None:
    both = load("both", overlay(tmp_path, UNITED))
    assert both.members == ("mean-gmm", "max-gmm")
    assert both.group_by == load("mean-gmm").group_by
    (tmp_path / "more.yaml").write_text(UNITED.replace("both", "more").replace("mean-gmm", "both"))
    assert plain(["more", "twfr-gmm", "max-gmm"], tmp_path) == ("mean-gmm", "max-gmm", "twfr-gmm")
    weights = load("gisp-system-1").needs.weights
    assert weights == load("genrep-2025").needs.weights


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("[mean-gmm, max-gmm]", "[mean-gmm]", "cannot score together"),
        ("[mean-gmm, max-gmm]", "[mean-gmm, mean-gmm]", "cannot score together"),
        ("max-gmm", "max-gm", "did you mean max-gmm"),
        ("max-gmm", "both", "made of itself.*both -> both"),
        ("members:", "frontend: {kind: log-mel}\nmembers:", "unknown recipe key"),
    ],
)
def test_members_that_cannot(tmp_path: Path, old: str, new: str, word: str) -> None:
    with pytest.raises(GensupError, match=word):
        load("both", overlay(tmp_path, UNITED.replace(old, new)))


def test_a_ring_is_refused_however_long(tmp_path: Path) -> None:
    for name, members in (("a", "[mean-gmm, b]"), ("b", "[c, max-gmm]"), ("c", "[max-gmm, d]")):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\npaper: {{cite: me}}\nmembers: {members}\n")
    (tmp_path / "d.yaml").write_text(
        "name: d\npaper: {cite: me}\npair: {generator: {}, detector: b, criterion: none}\n"
    )
    for name, ring in (("a", "b -> c -> d -> b"), ("d", "d -> b -> c -> d")):
        with pytest.raises(GensupError, match=rf"made of itself \(got '{ring}'\)"):
            load(name, tmp_path)


def test_lists_are_values(tmp_path: Path) -> None:
    recipe = load("genrep")
    assert recipe.default["frontend.layers"] == [4]
    assert build(recipe.with_values({"frontend.layers": [3, 7]})).frontend.layers == (3, 7)
    with pytest.raises(GensupError, match="not a value"):
        recipe.with_values({"frontend.layers": ["four"]})
