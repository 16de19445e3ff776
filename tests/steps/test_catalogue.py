"""What `gensup detectors` says of a recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.detection import recipe
from gensup.detection.means import NOTHING
from gensup.errors import GensupError
from gensup.registry import Registry
from gensup.steps import catalogue
from gensup.steps.catalogue import Sizes

TEXT = """
name: mine
paper: {{cite: me}}
frontend: {{kind: {kind}}}
pooling: {{kind: mean}}
backend: {{kind: knn}}
{more}
"""


def mine(folder: Path, more: str = "", kind: str = "log-mel") -> recipe.Recipe:
    (folder / "mine.yaml").write_text(TEXT.format(more=more, kind=kind))
    return recipe.load("mine", folder)


def test_without_a_network(tmp_path: Path) -> None:
    one = mine(tmp_path)
    assert (catalogue.needs(one), catalogue.marks(one), catalogue.published(one)) == ("", "", {})
    assert catalogue.sizes(one) == Sizes(0, 0)


def test_a_trained_network_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipe.SLOTS, "frontend", Registry("tests.support.frontends", "frontend"))
    assert catalogue.sizes(mine(tmp_path, kind="wide")) == Sizes(16, 16)
    said = mine(tmp_path, "needs: {parameters_for_training: 5}", kind="wide")
    assert catalogue.sizes(said) == Sizes(5, 16)


def test_what_a_recipe_says(tmp_path: Path) -> None:
    one = mine(
        tmp_path,
        "needs: {weights: [beats], gpu: true, extras: [models], parameters_for_detection: 90_000_000}\n"
        "transductive: true\nreconstruction: true\n"
        "published: [{data: d1, metric: auc, value: 70.1, source: table 2}, {data: d2, metric: pauc, value: 60}]",
    )
    assert catalogue.needs(one) == "weights beats; GPU advised; gensup[models]"
    assert catalogue.marks(one) == "reconstruction; transductive"
    assert catalogue.published(one) == {"auc 70.1 (d1)": "table 2", "pauc 60 (d2)": ""}
    assert catalogue.sizes(one) == Sizes(None, 90_000_000)  # what is trained, only its weights would tell


@pytest.mark.parametrize(
    "name", ["dcase-ae-mahala", "dcase-ae-mahala-code", "dcase-ae-mse", "nivic-seresnet", "ssl4asd"]
)
def test_shipped_sizes_are_the_networks_own(name: str) -> None:
    """Said, so that a listing builds no network."""
    one = recipe.load(name)
    held = recipe.build(one.default).frontend.untrained(NOTHING).n_parameters
    assert (one.needs.parameters_for_training, one.needs.parameters_for_detection) == (held, held)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("needs: {wights: [beats]}", r"did you mean needs\.weights"),
        ("needs: {weights: beats}", "not a value for this"),
        ("needs: {gpu: 1}", "not a value for this"),
        ("transductive: sometimes", "not a value for this"),
        ("train_on: everything", "among target, all"),
    ],
)
def test_what_no_recipe_says(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(GensupError, match=said):
        mine(tmp_path, more)
