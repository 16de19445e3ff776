"""Fused scores of a table are those of the detector that is saved."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import cast

import numpy as np
import pytest

from gensup.detection.chain import ChainDetector
from gensup.detection.fusion import fuse
from gensup.detection.held_out import HeldOut
from gensup.selection.fusion import fused, hedged, on_one_scale, standardised
from gensup.selection.panel import normal_places
from gensup.selection.records import LEFT_OUT, Column, ScoreTable
from tests.selection.tables import asks, column, table


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A fitted chain as far as a fusion knows it."""

    held_out: HeldOut
    machine: str = "fan"
    rate: int = 8000
    channel: int = 0
    group_by: tuple[str, ...] = ("machine",)
    groups: tuple[str, ...] = ("fan",)

    def normalised(self, scores: np.ndarray) -> np.ndarray:
        return self.held_out.normalised(scores)

    def _combined(self, raw: Mapping[Member, np.ndarray]) -> np.ndarray:
        return raw[self]


@pytest.fixture
def scored() -> ScoreTable:
    """Two arrangements: their held-out scores count together."""
    columns = [column(f"n{i}", repeat=r) for r in range(2) for i in range(15)]
    columns += [column(f"a{i}", "anomaly", source=f"n{i}", repeat=r) for r in range(2) for i in range(5)]
    columns += [column("n1", repeat=LEFT_OUT)]
    rng = np.random.default_rng(0)
    scale, shift = np.exp(3 * rng.standard_normal((6, 1))), 100 * rng.standard_normal((6, 1))
    scores = scale * rng.gamma(1.0, size=(6, len(columns))) + shift
    scores[3] = 7.0  # a constant candidate has no scale
    rows = {f"t{i}": row for i, row in enumerate(scores)}
    return table(rows, columns, {f"a{i}": asks("f") for i in range(5)})


def built(scored: ScoreTable, trials: tuple[int, ...], panel: tuple[int, ...], form: str) -> np.ndarray:
    """Normalised scores of every column by a detector that is put together as ``steps.build`` does."""
    held_out = scored.scores[:, normal_places(scored)]
    chains = [cast("ChainDetector", Member(HeldOut.of(scores))) for scores in held_out]
    raw = dict(zip(chains, scored.scores, strict=True))

    mean = fuse("mean", [chains[t] for t in trials], [held_out[t] for t in trials])
    if form == "fusion":
        return mean[0].normalised(mean[0]._combined(raw))
    loudest = fuse("max", [chains[t] for t in panel], [held_out[t] for t in panel])
    whole, _ = fuse("max", [mean[0], loudest[0]], [mean[1], loudest[1]])
    return whole._combined(raw)


@pytest.mark.parametrize("trials", [(0, 1, 2), (4,), (3, 5)])
def test_what_selection_predicts_is_what_the_detector_does(scored: ScoreTable, trials: tuple[int, ...]) -> None:
    np.testing.assert_allclose(fused(scored, trials), built(scored, trials, (), "fusion"), rtol=1e-9, atol=1e-9)
    for panel in ((0, 4, 5), (3,)):
        expected = built(scored, trials, panel, "hedged")
        np.testing.assert_allclose(hedged(scored, trials, panel), expected, rtol=1e-9, atol=1e-9)


def test_standardised_by_hand() -> None:
    columns = [column("n0"), column("n1"), column("n2"), column("a", "anomaly"), column("n0", repeat=LEFT_OUT)]
    scored = table({"x": [1, 2, 3, 6, 100], "y": [5, 5, 5, 6, 100]}, columns, {"a": asks("f")})
    sd = (2 / 3) ** 0.5
    expected = [[-1 / sd, 0, 1 / sd, 4 / sd, 98 / sd], [0, 0, 0, 1, 95]]
    np.testing.assert_allclose(standardised(scored, scored.scores), expected)
    np.testing.assert_allclose(standardised(scored, scored.scores[1]), expected[1])


def test_a_fusion_of_one_ranks_as_it_does(scored: ScoreTable) -> None:
    order = np.argsort(scored.scores[1], kind="stable")
    np.testing.assert_array_equal(np.argsort(fused(scored, [1]), kind="stable"), order)


def test_a_candidate_that_was_not_scored_there_does_not_spoil_what_was(scored: ScoreTable) -> None:
    """Scores of left-out conditions may lack."""
    holed = scored.scores.copy()
    holed[:, -1] = np.nan
    again = dataclasses.replace(scored, scores=holed)
    np.testing.assert_array_equal(fused(again, (0, 1))[:-1], fused(scored, (0, 1))[:-1])


def test_every_column_is_measured_by_the_normals_of_its_own_models() -> None:
    """Candidates fitted on what a codec made have another scale; what is fused of them is what it is without the
    others."""
    rng = np.random.default_rng(1)
    plain = [*(column(f"n{i}") for i in range(12)), *(column(f"a{i}", "anomaly", source=f"n{i}") for i in range(4))]
    coded = [
        *(column(f"n{i}", chain="codec", fitted="codec") for i in range(12)),
        *(column(f"s{i}", "sham", source=f"n{i}", chain="zip", fitted="codec") for i in range(4)),
        *(column(f"z{i}", "anomaly", source=f"n{i}", chain="zip", fitted="codec") for i in range(4)),
    ]
    scores = rng.gamma(1.0, size=(3, len(plain) + len(coded)))
    scores[:, len(plain) :] = 1000 * scores[:, len(plain) :] + 5e4
    questions = {f"{c}{i}": asks(c) for c in "az" for i in range(4)}

    def of(columns: list[Column], places: slice) -> ScoreTable:
        asked = {c.clip: questions[c.clip] for c in columns if c.role == "anomaly"}
        return table({f"t{i}": row[places] for i, row in enumerate(scores)}, columns, asked)

    both = of([*plain, *coded], slice(None))
    alone = [of(plain, slice(len(plain))), of(coded, slice(len(plain), None))]
    # As if nothing were said of what was fitted on: its normals are what the codec made.
    bare = [dataclasses.replace(c, fitted="none") for c in coded]
    alone[1] = dataclasses.replace(alone[1], columns=tuple(bare))
    assert normal_places(both).tolist() == list(range(12))
    assert normal_places(both, "codec").tolist() == list(range(16, 28))
    np.testing.assert_allclose(fused(both, [0, 2]), np.concatenate([fused(t, [0, 2]) for t in alone]), atol=1e-9)
    apart = np.concatenate([hedged(t, [0, 2], [1]) for t in alone])
    np.testing.assert_allclose(hedged(both, [0, 2], [1]), apart, atol=1e-9)
    # On one scale, everything ranks within its own kind as before, and normals of both lie where recordings do.
    shown = on_one_scale(both, both.scores)
    np.testing.assert_array_equal(shown[:, :16], both.scores[:, :16])
    np.testing.assert_array_equal(np.argsort(shown[:, 16:]), np.argsort(both.scores[:, 16:]))
    np.testing.assert_allclose(shown[:, 16:28].mean(axis=1), shown[:, :12].mean(axis=1))
    np.testing.assert_allclose(shown[:, 16:28].std(axis=1), shown[:, :12].std(axis=1))


def test_anomalies_without_twins_are_told_from_what_their_candidates_were_fitted_on() -> None:
    columns = [
        column("n0"),
        column("n0", chain="codec", fitted="codec"),
        column("z0", "anomaly", chain="zip", fitted="codec"),
        column("y0", "anomaly", chain="other"),
    ]
    found = table({"x": [1, 2, 3, 4]}, columns, {"z0": asks("z"), "y0": asks("y")})
    assert {exam.question.family: exam.normal for exam in found.exams} == {"z": (1,), "y": (0,)}
