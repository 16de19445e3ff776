"""Several machines: a run each, an index of them, and one that fails costs the others nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from gensup.errors import GensupError
from gensup.steps import machines as module
from gensup.steps.machines import tune_each
from tests.steps.parts import Listener


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[object]]:
    """``tune`` without its work: a machine named broken cannot be tuned."""
    calls: dict[str, list[object]] = {"tuned": [], "index": []}

    def tune(root: Path, machine: str, out: Path, **how: object) -> SimpleNamespace:
        calls["tuned"].append((machine, out, how["workers"]))
        if machine == "broken":
            raise GensupError("too few normal clips", where=machine)
        return SimpleNamespace(out=out)

    monkeypatch.setattr(module, "tune", tune)
    monkeypatch.setattr(module, "write_index", lambda *said: calls["index"].append(said))
    return calls


def test_one_machine_is_tuned_in_the_folder_itself(called: dict[str, list[object]], tmp_path: Path) -> None:
    tuned, failed = tune_each(tmp_path, ["fan"], tmp_path / "run", workers=1)
    assert (list(tuned), failed) == (["fan"], {})
    assert called == {"tuned": [("fan", tmp_path / "run", 1)], "index": []}
    with pytest.raises(GensupError, match="too few"):
        tune_each(tmp_path, ["broken"], tmp_path / "run", workers=1)


def test_several_are_tuned_below_it_and_listed(called: dict[str, list[object]], tmp_path: Path) -> None:
    listener = Listener()
    tuned, failed = tune_each(tmp_path, ["fan", "broken", "pump"], tmp_path / "run", progress=listener, workers=1)
    assert list(tuned) == ["fan", "pump"]
    assert list(failed) == ["broken"]
    assert [machine for machine, _, _ in called["tuned"]] == ["fan", "broken", "pump"]  # type: ignore[misc]
    assert called["index"] == [
        (tmp_path / "run", {n: tmp_path / "run" / n for n in ("fan", "pump")}, {"broken": str(failed["broken"])})
    ]
    assert listener.said == ["=== fan ===", "=== broken ===", str(failed["broken"]), "=== pump ==="]


def test_where_all_fail_there_is_nothing_to_list(
    called: dict[str, list[object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise GensupError("no such machine")

    monkeypatch.setattr(module, "tune", never)
    tuned, failed = tune_each(tmp_path, ["fan", "pump"], tmp_path / "run")
    assert (tuned, list(failed)) == ({}, ["fan", "pump"])
    assert called["index"] == []


@pytest.mark.parametrize(("names", "said"), [([], "no machine"), (["fan", "pump", "fan"], "a machine twice")])
def test_none_and_one_twice_are_refused(
    called: dict[str, list[object]], tmp_path: Path, names: list[str], said: str
) -> None:
    with pytest.raises(GensupError, match=said):
        tune_each(tmp_path, names, tmp_path / "run")
    assert called["tuned"] == []
