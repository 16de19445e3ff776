"""What a verdict asks for is built: the detector scores as the table foretold."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from gensup.detection.chain import ChainDetector
from gensup.detection.fusion import Fusion
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.selection.fusion import fused, hedged, standardised
from gensup.selection.panel import normal_places
from gensup.selection.records import Form, ScoreTable, Verdict
from gensup.steps.build import build
from gensup.steps.candidates import Candidates
from gensup.steps.study import Study
from gensup.steps.synthetic import Synthetic
from gensup.steps.table import Exercise, exercise
from tests.steps.parts import heard, scoring


@pytest.fixture(scope="module")
def scored(
    data: Path, overlay: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Candidates, ScoreTable, Exercise]:
    """Recordings alone: what is built is fitted on nothing else."""
    score = scoring(overlay)
    alone = exercise(heard(data, tmp_path_factory.mktemp("out")), Synthetic((), True, ()), 3)
    rows = score.rows(alone, Study(tmp_path_factory.mktemp("run")), score.candidates.params)
    return score.candidates, score.table(alone, rows, {}), alone


def verdict(form: Form, members: tuple[str, ...], panel: tuple[str, ...]) -> Verdict:
    return Verdict(
        answer="select",
        form=form,
        members=members,
        panel=panel,
        tainted=False,
        paired=True,
        rank_interval=None,
        ties=(),
        sentence="Nothing is chosen.",
    )


@pytest.mark.parametrize(
    ("form", "members", "panel", "chains"),
    [
        ("single", [2], [0, 1], 1),
        ("default", [0], [0, 1], 1),
        ("fusion", [2, 4, 5], [0, 1], 3),
        ("hedged", [2, 4], [0, 1, 2], 4),
        ("hedged", [3], [0, 1], 3),
    ],
)
def test_its_held_out_scores_are_those_of_the_table(
    scored: tuple[Candidates, ScoreTable, Exercise], form: Form, members: list[int], panel: list[int], chains: int
) -> None:
    candidates, table, alone = scored
    names = [trial.id for trial in table.trials]
    wanted = verdict(form, tuple(names[i] for i in members), tuple(names[i] for i in panel))
    detector = build(Inline(), candidates, wanted, table, alone, "fan")
    params = [
        dict(chain.params) for chain in ([detector] if isinstance(detector, ChainDetector) else detector.chains())
    ]
    assert len(params) == chains
    heard_ones = {*members, *(panel if form == "hedged" else ())}
    assert all(dict(table.trials[i].params) in params for i in heard_ones)
    assert isinstance(detector, Fusion) == (form in ("fusion", "hedged"))
    # All normal clips of all arrangements, as selection counts them.
    places = normal_places(table)
    assert len(places) == 3 * 14
    expected = {
        "single": lambda: table.scores[members[0]],
        "default": lambda: table.scores[members[0]],
        # Raw: selection standardises once more, as the detector does when it is asked for normalised scores.
        "fusion": lambda: standardised(table, table.scores[members]).mean(axis=0),
        "hedged": lambda: hedged(table, members, panel),
    }[form]()[places]
    held_out = detector.held_out
    if form == "fusion":
        np.testing.assert_allclose((expected - held_out.mean) / held_out.sd, fused(table, members)[places], atol=1e-9)
    assert held_out.mean == pytest.approx(expected.mean(), abs=1e-9)
    assert held_out.sd == pytest.approx(expected.std())
    assert held_out.threshold == pytest.approx(np.quantile(expected, 0.9))
    assert detector.machine == "fan"


def test_a_fusion_of_one_is_that_one(scored: tuple[Candidates, ScoreTable, Exercise]) -> None:
    candidates, table, alone = scored
    built = build(Inline(), candidates, verdict("fusion", (table.trials[2].id,), ()), table, alone, "fan")
    assert isinstance(built, ChainDetector)
    assert dict(built.params) == dict(table.trials[2].params)


def test_of_nothing_nothing_is_built(scored: tuple[Candidates, ScoreTable, Exercise]) -> None:
    candidates, table, alone = scored
    with pytest.raises(GensupError, match="nothing can be chosen"):
        build(Inline(), candidates, verdict("default", (), ()), dataclasses.replace(table, default=None), alone, "fan")
