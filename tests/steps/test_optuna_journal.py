"""The Optuna journal of a finished study, opened by Optuna itself."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from gensup.selection.records import Trial
from gensup.steps.axes import distribution, distributions
from gensup.steps.candidates import Candidates
from gensup.steps.optuna_journal import axes_of, export

RECIPE = (
    "name: {name}\npaper: {{cite: tests}}\nfrontend: {{kind: log-mel, n_fft: 256, hop: 128, n_mels: 24}}\n"
    "pooling: {{kind: gwrp, decay: {decay}}}\nbackend: {{kind: gmm, n_components: 1, score: mixture}}\nspace: {space}\n"
)
SPACES = {
    "first": "{pooling.decay: {low: 0.0, high: 0.3, step: 0.1}, backend.n_components: [1, 2, 4]}",
    "second": "{backend.n_components: [1, 2, 3], backend.score: [best-component, mixture]}",
}


@pytest.fixture
def candidates(tmp_path: Path) -> Candidates:
    for name, space in SPACES.items():
        (tmp_path / f"{name}.yaml").write_text(RECIPE.format(name=name, decay=0.1, space=space))
    return Candidates.of(list(SPACES), tmp_path)


@pytest.fixture
def trials(candidates: Candidates) -> list[Trial]:
    """Every candidate; one pruned and one failed of each recipe."""
    made = []
    for name in candidates.recipes:
        mine = sorted(trial for trial in candidates.params if candidates.recipe_of[trial] == name)
        made += [candidates.trial(trial, 10 + i) for i, trial in enumerate(mine[2:])]
        made += [candidates.trial(mine[0], 0, "pruned", "too few clips")]
        made += [candidates.trial(mine[1], 0, "failed", "its scores are not finite")]
    return made


def opened(path: Path, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(path))))


def test_optuna_reads_what_the_study_holds(tmp_path: Path, candidates: Candidates, trials: list[Trial]) -> None:
    values = {trial.id: i / 100 for i, trial in enumerate(trials)}
    path = export(tmp_path, candidates, trials, values, {trials[0].id: 3.5})
    assert path == tmp_path / "trials" / "study.log"
    for name in SPACES:
        study = opened(path, name)
        assert study.direction.name == "MAXIMIZE"
        own = {trial.id: trial for trial in trials if trial.recipe == name}
        assert [t.user_attrs["id"] for t in study.trials] == sorted(own)
        for found in study.trials:
            mine = own[found.user_attrs["id"]]
            assert found.params == dict(mine.varied)
            assert found.user_attrs["reason"] == mine.reason
            assert found.user_attrs["parameters"] == mine.parameters
            complete = mine.state == "complete"
            assert found.value == (values[mine.id] if complete else None)
            expected = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
            assert found.state == expected[mine.state]
        complete_ids = [t.id for t in own.values() if t.state == "complete"]
        assert study.best_trial.user_attrs["id"] == max(complete_ids, key=lambda trial: values[trial])
    assert {t.user_attrs["borda"] for name in SPACES for t in opened(path, name).trials} == {None, 3.5}


def test_optuna_continues_it(tmp_path: Path, candidates: Candidates, trials: list[Trial]) -> None:
    path = export(tmp_path, candidates, trials, {trial.id: 0.5 for trial in trials})
    shutil.copy(path, tmp_path / "copy.log")
    for name in SPACES:
        study = opened(tmp_path / "copy.log", name)
        before = len(study.trials)
        asked = study.ask(distributions(axes_of(candidates, name)))
        assert set(asked.params) == set(candidates.recipes[name].space)
        study.tell(asked, 0.9)
        assert len(opened(tmp_path / "copy.log", name).trials) == before + 1
        assert study.best_trial.number == asked.number


def test_the_same_study_gives_the_same_bytes(tmp_path: Path, candidates: Candidates, trials: list[Trial]) -> None:
    values = {trial.id: 0.5 for trial in trials}
    first = export(tmp_path / "a", candidates, trials, values)
    time.sleep(0.01)
    second = export(tmp_path / "b", candidates, trials[::-1], values)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in (tmp_path / "a" / "trials").iterdir()) == ["study.log"]


def test_a_complete_trial_without_a_value_is_no_complete_trial_there(
    tmp_path: Path, candidates: Candidates, trials: list[Trial]
) -> None:
    path = export(tmp_path, candidates, trials, {})
    assert {t.state for t in opened(path, "first").trials} == {TrialState.FAIL, TrialState.PRUNED}


def test_nothing_is_said_to_stderr(
    tmp_path: Path, candidates: Candidates, trials: list[Trial], capfd: pytest.CaptureFixture[str]
) -> None:
    said = optuna.logging.get_verbosity()
    export(tmp_path, candidates, trials, {})
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == said


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([round(0.02 * i, 10) for i in range(51)], FloatDistribution(0.0, 1.0, step=0.02)),
        ([0.1, 0.2, 0.3], FloatDistribution(0.1, 0.3, step=0.1)),
        ([0, 0.5, 1], FloatDistribution(0, 1, step=0.5)),
        ([3, 1, 2], IntDistribution(1, 3)),
        ([2, 6, 10], IntDistribution(2, 10, step=4)),
        ([1, 2, 4, 8], CategoricalDistribution((1, 2, 4, 8))),
        ([0.0, 0.8, 1.0], CategoricalDistribution((0.0, 0.8, 1.0))),
        (["full", "diag"], CategoricalDistribution(("full", "diag"))),
        ([True, False], CategoricalDistribution((True, False))),
        ([2], CategoricalDistribution((2,))),
        ([[1, 2], None], CategoricalDistribution(("[1, 2]", None))),
    ],
)
def test_axes(values: list[Any], expected: object) -> None:
    assert distribution(values) == expected


def test_a_default_off_the_grid_is_a_value_of_its_axis(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(RECIPE.format(name="odd", decay=0.77, space="{pooling.decay: [0.2, 0.4, 0.6]}"))
    candidates = Candidates.of(["odd"], tmp_path)
    assert axes_of(candidates, "odd") == {"pooling.decay": [0.2, 0.4, 0.6, 0.77]}
    path = export(tmp_path, candidates, [candidates.trial(candidates.default, 1)], {candidates.default: 0.5})
    assert opened(path, "odd").best_params == {"pooling.decay": 0.77}
