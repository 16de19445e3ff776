"""Recipes published with a generator: its settings stand where the user says nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.detection.recipe import load
from gensup.errors import GensupError
from gensup.steps.pairs import with_generator
from gensup.steps.synthesize import Settings
from gensup.steps.tune import tune
from gensup.store.run import read_run

PAIR = """
name: {name}
paper: {{cite: the pair's}}
pair: {{generator: {generator}, detector: {detector}, criterion: highest AUC on generated clips}}
reconstruction: true
published: [{{data: d, metric: auc, value: 70.1}}]
"""


def pair(folder: Path, name: str, generator: str, detector: str = "twfr-gmm") -> Path:
    (folder / f"{name}.yaml").write_text(PAIR.format(name=name, generator=generator, detector=detector))
    return folder


def test_a_pair_is_its_detector_with_its_own_words(tmp_path: Path) -> None:
    one, base = load("a", pair(tmp_path, "a", "{pairs: 7, severities: [1.0]}")), load("twfr-gmm")
    assert (one.default, one.space, one.group_by) == (base.default, base.space, base.group_by)
    assert (one.name, one.paper["cite"], one.reconstruction) == ("a", "the pair's", True)
    assert one.published == ({"data": "d", "metric": "auc", "value": 70.1},)
    assert one.pair is not None
    assert one.pair.detector == "twfr-gmm"


def test_what_the_user_says_stays(tmp_path: Path) -> None:
    one = load("a", pair(tmp_path, "a", "{pairs: 7, severities: [1.0], faults: [hiss]}"))
    assert with_generator(Settings(), [one]) == Settings(pairs=7, severities=(1.0,), faults=("hiss",))
    assert with_generator(Settings(pairs=9), [one]) == Settings(pairs=9, severities=(1.0,), faults=("hiss",))
    assert with_generator(Settings(seed=2), [load("twfr-gmm")]) == Settings(seed=2)


@pytest.mark.parametrize(
    ("generator", "said"), [("{pears: 7}", "did you mean pairs"), ("{pairs: many}", "not a value for this")]
)
def test_bad_settings(tmp_path: Path, generator: str, said: str) -> None:
    with pytest.raises(GensupError, match=said):
        with_generator(Settings(), [load("a", pair(tmp_path, "a", generator))])


def test_bad_pairs(tmp_path: Path) -> None:
    pair(tmp_path, "a", "{pairs: 7}")
    other = load("b", pair(tmp_path, "b", "{pairs: 8}"))
    with pytest.raises(GensupError, match="runs of their own"):
        with_generator(Settings(), [load("a", tmp_path), other])
    for name, detector, said in (("c", "a", "a pair of a pair"), ("d", "d", "made of itself")):
        pair(tmp_path, name, "{}", detector)
        with pytest.raises(GensupError, match=said):
            load(name, tmp_path)
    (tmp_path / "e.yaml").write_text("name: e\npaper: {}\npair: {detector: twfr-gmm, generater: {}}\n")
    with pytest.raises(GensupError, match=r"did you mean pair\.generator"):
        load("e", tmp_path)


def test_tune_takes_the_generators_settings(data: Path, overlay: Path, tmp_path: Path) -> None:
    folder = pair(tmp_path, "a", "{pairs: 3, severities: [1.0], faults: [hiss], nuisances: false}", "small")
    (folder / "small.yaml").write_text((overlay / "small.yaml").read_text())
    tune(data, "fan", tmp_path / "run", detectors=["a"], detectors_overlay=folder, workers=1)
    synthesis = read_run(tmp_path / "run")["config"]["synthesis"]  # type: ignore[index,call-overload]
    assert (synthesis["pairs"], synthesis["severities"], synthesis["faults"]) == (3, [1.0], ["hiss"])
