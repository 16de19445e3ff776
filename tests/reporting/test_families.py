"""The map of families by candidates says what the verdict says."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from scipy.stats import rankdata

from gensup.reporting.families import family_map, lines, marked, order
from gensup.reporting.raster import NOTHING, palette, raster
from gensup.reporting.run_folder import Run, read_run_folder
from tests.reporting.fake_run import Wanted, fake_run

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read_run_folder(fake_run(tmp_path_factory.mktemp("map") / "run", Wanted(twins=False)))


def test_rows_are_ranks_in_the_order_of_the_borda_count(run: Run) -> None:
    ids = [trial.id for trial in run.table.trials]
    counts = np.zeros(len(ids))
    for group in lines(run):
        for line in group:
            ranks = rankdata(-np.array(run.table.families[line.family].utility))
            across = [ids.index(trial.id) for trial in order(run)]
            np.testing.assert_allclose(line.ranks * (len(ids) - 1) + 1, ranks[across])
            counts += line.weight * line.ranks
    # Weighted together the rows are the ranking itself: the Borda count, from left to right.
    borda = np.array([count for _, count in run.verdict.ranking])
    np.testing.assert_allclose(counts * (len(ids) - 1) + 1, borda, atol=1e-6)
    assert (np.diff(borda) >= 0).all()


def test_mechanisms_stand_together_and_the_weightless_last(run: Run) -> None:
    weights = [sum(line.weight for line in group) for group in lines(run)]
    assert weights == sorted(weights, reverse=True)
    assert all(len({line.mechanism for line in group}) == 1 for group in lines(run))
    assert sorted(line.family for group in lines(run) for line in group) == sorted(run.verdict.families)


def test_what_is_built_stands_out(run: Run) -> None:
    standing = marked(run)
    assert standing["fused"] == set(run.verdict.members)
    assert standing["panel"] == set(run.verdict.panel)
    assert standing["default"] == {run.table.default}


def test_the_picture_has_a_pixel_a_rank_and_a_name_a_row(run: Run) -> None:
    picture = family_map(run)
    root = ElementTree.fromstring(unquote(picture.uri.split(",", 1)[1]))
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert set(run.verdict.families) <= set(words)
    assert {report.mechanism for report in run.verdict.families.values()} <= set(words)
    first = next(iter(root.iter(f"{SVG}image")))
    data = base64.b64decode((first.get("href") or "").split(",", 1)[1])
    pixels = np.asarray(Image.open(BytesIO(data)))
    group = lines(run)[0]
    assert pixels.shape == (len(group), len(run.table.trials))
    # Brighter is better, in every row.
    for row, line in zip(pixels.astype(int), group, strict=True):
        np.testing.assert_allclose(row / 254, 1 - line.ranks, atol=1 / 254)


@pytest.mark.parametrize("trials", [1, 3])
def test_few_candidates_make_a_map(tmp_path: Path, trials: int) -> None:
    axes = {"a.x": list(range(trials))}
    small = read_run_folder(fake_run(tmp_path / "run", Wanted(axes=axes, default={"a.x": 0}, twins=False)))
    assert family_map(small).alt.startswith(f"ranks of {trials} candidates in 8 fault families")


def test_colours_rise_evenly_in_lightness() -> None:
    for name in ("cividis", "magma"):
        lightness = palette(name)[:-1].astype(float) @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(lightness) > -1).all()
        assert lightness[-1] > lightness[0] + 150


def test_a_raster_is_what_it_was_given() -> None:
    values = np.array([[0.0, 1.0], [np.nan, 0.5]])
    image = Image.open(BytesIO(base64.b64decode(raster(values, (0, 1), "cividis").split(",", 1)[1])))
    assert np.asarray(image).tolist() == [[0, 254], [NOTHING, 127]]
    assert np.asarray(image.convert("RGBA"))[1, 0, 3] == 0
