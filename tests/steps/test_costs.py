"""What candidates cost, and which of them a limit rules out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gensup.detection.crossfit import crossfit
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.steps import costs as module
from gensup.steps.costs import Costs, read_times
from gensup.steps.limits import Limits
from gensup.steps.synthetic import Synthetic
from gensup.steps.table import exercise
from tests.steps.parts import heard, scoring


def test_sums_against_limits() -> None:
    costs = Costs(Limits(parameters=100, ms_per_clip=2.0), {"a": 60, "b": 50, "c": 101}, {"a": 1.5, "b": 0.4, "c": 0.1})
    assert costs.reason(["a"]) is None
    assert costs.reason(["a", "b"]) == "110 parameters, the limit is 100"
    assert Costs(Limits(ms_per_clip=1.8), {"a": 60, "b": 50}, {"a": 1.5, "b": 0.4}).reason(["a", "b"]) == (
        "1.9 ms a clip, the limit is 1.8"
    )
    assert costs.forbidden() == {"c": "101 parameters, the limit is 100"}
    assert Costs(Limits(), {}, {}).reason(["a", "b"]) is None
    assert Costs(Limits(), {}, {}).forbidden() == {}


def test_measured_sizes_are_those_of_fitted_models_and_times_are_kept(
    data: Path, overlay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = scoring(overlay).candidates
    clips, arrangements = exercise(heard(data, tmp_path / "x"), Synthetic((), True, ()), 0).normals("fan", ("machine",))
    few = {name: params for name, params in candidates.params.items() if params["backend.n_components"] != 8}
    assert Costs.of(tmp_path, few, clips, Limits()) == Costs(Limits(), {}, {})
    limits = Limits(parameters=10**9, ms_per_clip=10**9)
    found = Costs.of(tmp_path, few, clips, limits)
    scored = {
        name: size
        for group in crossfit(Inline(), few, clips, arrangements[:1])
        for name, size in zip(group.trials, group.parameters, strict=True)
    }
    assert found.parameters == scored
    assert set(found.ms) == set(few)
    assert min(found.ms.values()) > 0
    kept = json.loads((tmp_path / "trials" / "ms_per_clip.json").read_text())
    assert kept["ms_per_clip"] == found.ms

    def never(*_: object) -> dict[str, float]:
        raise AssertionError("measured again")

    monkeypatch.setattr(module, "ms_per_clip", never)
    assert Costs.of(tmp_path, few, clips, limits) == found  # so that a continued run prunes alike
    path = tmp_path / "trials" / "ms_per_clip.json"
    whole = path.read_text()
    time = next(iter(found.ms.values()))
    for spoilt, said in (
        (whole.replace(str(time), str(time + 1)), "altered"),
        ("{}", "not the times"),
        (json.dumps(kept | {"schema": 999}), "newer gensup"),
    ):
        path.write_text(spoilt)
        with pytest.raises(GensupError, match=rf"{said}.*ms_per_clip\.json|ms_per_clip\.json.*{said}"):
            Costs.of(tmp_path, few, clips, limits)
    path.write_text(whole)
    with pytest.raises(GensupError, match="a candidate without its time"):
        read_times(path, [*few, "another"])
    smallest = min(found.parameters.values())
    left = set(few) - set(Costs.of(tmp_path, few, clips, Limits(parameters=smallest)).forbidden())
    assert left == {name for name, params in few.items() if params["backend.n_components"] == 1}
