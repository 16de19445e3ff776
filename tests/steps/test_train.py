"""A frontend trained once on several machines; fit and tune with it, or with one that they train themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gensup.audio.files import AudioRef
from gensup.detection import recipe
from gensup.detection.detector import load
from gensup.detection.examples import Examples
from gensup.detection.features import ready_many
from gensup.detection.means import Means
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.registry import Registry
from gensup.steps import front as fronts
from gensup.steps.fit import fit
from gensup.steps.front import Front
from gensup.steps.score import score
from gensup.steps.train import train
from gensup.steps.tune import tune
from gensup.store.run import read_run
from tests.steps.conftest import SEEDED
from tests.support import sounds
from tests.support.frontends.shifted import Shifted
from tests.support.frontends.wide import Wide

NET = """
name: net
paper: {cite: tests}
train_on: all
frontend: {kind: wide, n_mels: 16}
pooling: {kind: gwrp, decay: 1.0}
backend: {kind: gmm, n_components: 1}
space: {frontend.steps: [1, 2], pooling.decay: [0.5, 1.0]}
"""


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipe.SLOTS, "frontend", Registry("tests.support.frontends", "frontend"))
    Wide.log.clear()
    Wide.noises.clear()


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fan of 14 training clips, a pump of 8, and a valve whose training clips are missing."""
    root = sounds.machine(tmp_path_factory.mktemp("data"))
    for i in range(8):
        clip = root / "pump" / "train" / f"section_00_source_train_normal_{i:04d}_vel_{1 + i % 2}.wav"
        sounds.write(clip, sounds.hum(500 + i, hiss=0.2))
    sounds.write(root / "pump" / "test" / "section_00_source_test_anomaly_0000_vel_1.wav", sounds.hum(900, hiss=1.0))
    sounds.write(root / "pump" / "supplemental" / "section_00_noise_0000.wav", sounds.hum(901))
    sounds.write(root / "valve" / "test" / "section_00_0000.wav", sounds.hum(902))
    return root


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detectors")
    (folder / "net.yaml").write_text(NET)
    (folder / "noisy.yaml").write_text(NET.replace("name: net", "name: noisy").replace("16}", "16, noise: 0.5}", 1))
    (folder / "own.yaml").write_text(NET.replace("name: net", "name: own").replace("train_on: all", "train_on: target"))
    return folder


def made(root: Path, recipes: Path, out: Path, **how: object) -> Front:
    return train([root], "net", out, detectors_overlay=recipes, workers=1, **how)  # type: ignore[arg-type]


def test_what_it_hears_and_leaves(machines: Path, recipes: Path, tmp_path: Path) -> None:
    front = made(machines, recipes, tmp_path / "f")
    (heard,) = Wide.log
    assert (len(heard), front.machines) == (22, ("fan", "pump"))
    assert Wide.noises == [None]
    # No test clip, no anomaly, no supplemental noise: these are the classes of the training clips' names.
    assert set(front.labels) == {
        "fan|00|spd=3|target", "fan|00|spd=1|source", "fan|00|spd=2|source", "pump|00|vel=1|source",
        "pump|00|vel=2|source",
    }  # fmt: skip
    assert heard.plain is not None
    assert not heard.plain.any()
    record = json.loads((tmp_path / "f" / "frontend.json").read_text())
    assert record["keys"] == list(heard.key)
    assert record["params"] == {"frontend.kind": "wide", "frontend.n_mels": 16, "frontend.steps": 1}
    assert fronts.read(tmp_path / "f") == front
    made(machines, recipes, tmp_path / "f")  # finished: read, and not trained again
    assert len(Wide.log) == 1


def test_a_killed_training_continues_and_another_is_refused(
    machines: Path, recipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("gensup.steps.train.write", killed)
        with pytest.raises(KeyboardInterrupt):
            made(machines, recipes, tmp_path / "f")
    assert (tmp_path / "f" / "training" / "checkpoint").is_file()
    with pytest.raises(GensupError, match="no trained frontend here"):
        fronts.read(tmp_path / "f")
    with pytest.raises(GensupError, match="another configuration"):
        made(machines, recipes, tmp_path / "f", values={"frontend.steps": 2})
    whole = made(machines, recipes, tmp_path / "g")
    assert made(machines, recipes, tmp_path / "f").sha256 == whole.sha256
    record = tmp_path / "f" / "frontend.json"
    content = json.loads(record.read_text())
    for said in ({"keys": []}, {"params": {}}, {"rate": 0}, {"checksum": None}):  # it would have heard nobody
        record.write_text(json.dumps(content | said))
        with pytest.raises(GensupError, match=r"frontend\.json.*altered.*train it again"):
            fronts.read(tmp_path / "f")
    record.write_text(json.dumps(content))
    assert fronts.read(tmp_path / "f").sha256 == whole.sha256
    (tmp_path / "g" / "frontend.safetensors").write_bytes(b"")
    with pytest.raises(GensupError, match="not those of this detector"):
        fronts.read(tmp_path / "g")


def test_refused(machines: Path, recipes: Path, tmp_path: Path, overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GensupError, match="known: fan, pump, valve"):
        made(machines, recipes, tmp_path / "a", machines=["fam"])
    with pytest.raises(GensupError, match="no normal training clip"):
        made(machines, recipes, tmp_path / "b", machines=["valve"])
    with pytest.raises(GensupError, match="each once"):
        made(machines, recipes, tmp_path / "c", machines=["fan", "fan"])
    with pytest.raises(GensupError, match="would hold the recordings"):
        made(machines, recipes, machines)
    one = tmp_path / "one"
    sounds.write(one / "fan" / "train" / "section_00_source_train_normal_0000_spd_1.wav", sounds.hum(1))
    with pytest.raises(GensupError, match="too few normal clips"):
        made(one, recipes, tmp_path / "d")
    sounds.write(one / "fan" / "train" / "section_00_source_train_normal_0001_spd_1.wav", sounds.hum(2))
    with pytest.raises(GensupError, match="one class only"):
        made(one, recipes, tmp_path / "e")
    monkeypatch.undo()  # the frontends that are there
    with pytest.raises(GensupError, match="is not trained"):
        train([machines], "small", tmp_path / "f", detectors_overlay=overlay, workers=1)


def test_fit_with_it_and_without(machines: Path, recipes: Path, tmp_path: Path) -> None:
    made(machines, recipes, tmp_path / "f")
    Wide.log.clear()
    how = {"detectors_overlay": recipes, "workers": 1}
    with_it = fit(machines, "fan", "net", tmp_path / "d", frontend=tmp_path / "f", **how)  # type: ignore[arg-type]
    assert Wide.log == []
    assert with_it.frontend.fingerprint == fronts_frontend(tmp_path / "f").fingerprint
    # The detector holds the frontend: its folder scores without it.
    clips = [machines / "fan" / "test"]
    scored = score(tmp_path / "d", clips, workers=1)
    (tmp_path / "f" / "frontend.safetensors").rename(tmp_path / "gone")
    assert score(tmp_path / "d", clips, workers=1) == scored
    # Without it: one training a fold, without its clips, and one on all; with the other machine's clips.
    alone = fit(machines, "fan", "net", tmp_path / "e", **how)  # type: ignore[arg-type]
    pumps = {key for key, label in zip(Wide.log[-1].key, Wide.log[-1].label or (), strict=True) if "pump" in label}
    assert len(pumps) == 8
    assert len(Wide.log[-1]) == 22
    folds = [set(heard.key) - pumps for heard in Wide.log[:-1]]
    assert all(pumps <= set(heard.key) for heard in Wide.log)
    fans = set(Wide.log[-1].key) - pumps
    held = [fans - fold for fold in folds]
    assert len(folds) == 5
    assert sum(map(len, held)) == len(fans)
    assert set.union(*held) == fans
    assert not (tmp_path / "e" / "training").exists()
    assert load(tmp_path / "e").threshold == alone.threshold
    Wide.log.clear()
    fit(machines, "fan", "own", tmp_path / "own", **how)  # type: ignore[arg-type]
    assert [len(heard) for heard in Wide.log][-1] == 14  # train_on: target


def fronts_frontend(folder: Path) -> Wide:
    return Wide().restore(folder / "frontend.safetensors", None)  # type: ignore[arg-type]


def test_fit_refuses_another(machines: Path, recipes: Path, tmp_path: Path) -> None:
    made(machines, recipes, tmp_path / "f", values={"frontend.steps": 2})
    how = {"detectors_overlay": recipes, "workers": 1, "frontend": tmp_path / "f"}
    with pytest.raises(GensupError, match="steps = 2, wanted 1"):
        fit(machines, "fan", "net", tmp_path / "d", **how)  # type: ignore[arg-type]
    fit(machines, "fan", "net", tmp_path / "d", values={"frontend.steps": 2}, **how)  # type: ignore[arg-type]
    with pytest.raises(GensupError, match="no trained frontend here"):
        fit(machines, "fan", "net", tmp_path / "x", **{**how, "frontend": tmp_path / "d"})  # type: ignore[arg-type]


def test_tune_takes_only_what_has_not_heard_the_target(
    machines: Path, recipes: Path, twins: Path, tmp_path: Path
) -> None:
    how = {"synthetic": [twins], "settings": SEEDED, "detectors": ["net"], "detectors_overlay": recipes, "workers": 1}
    made(machines, recipes, tmp_path / "all")
    with pytest.raises(GensupError, match="14 of 14 normal clips of fan"):
        tune(machines, "fan", tmp_path / "run", frontend=tmp_path / "all", **how)  # type: ignore[arg-type]
    made(machines, recipes, tmp_path / "pump", machines=["pump"], values={"frontend.steps": 2})
    Wide.log.clear()
    done = tune(machines, "fan", tmp_path / "run", frontend=tmp_path / "pump", **how)  # type: ignore[arg-type]
    assert Wide.log == []
    # It is the frontend of every candidate: what is left to choose is the rest of the space.
    assert {trial.params["frontend.steps"] for trial in done.table.trials} == {2}
    assert len(done.table.trials) == 2
    assert max(column.repeat for column in done.table.columns) == 2
    config = read_run(tmp_path / "run")["config"]
    assert config["frontend"]["machines"] == ["pump"]  # type: ignore[index,call-overload]


def test_tune_trains_its_own(machines: Path, recipes: Path, twins: Path, tmp_path: Path) -> None:
    done = tune(
        machines, "fan", tmp_path / "run", synthetic=[twins], settings=SEEDED, detectors=["noisy"],
        detectors_overlay=recipes, workers=1, oracle=True,
    )  # fmt: skip
    assert done.unjudged is None
    # Checkpoints are candidates: 2 step counts by 2 poolings, each network trained for itself in every fold.
    assert len(done.table.trials) == 4
    assert {column.repeat for column in done.table.columns} == {0}
    config = read_run(tmp_path / "run")["config"]
    assert config["repeats"] == 1  # type: ignore[index,call-overload]
    assert config["others"]["clips"] == 8  # type: ignore[index,call-overload]
    recorded = {column.source for column in done.table.columns if column.role == "normal"}
    pumps = {k for heard in Wide.log for k, label in zip(heard.key, heard.label or (), strict=True) if "pump" in label}
    for heard in Wide.log:
        assert set(heard.key) <= recorded | pumps  # no twin, no test clip
    assert np.isfinite(done.table.scores).all()
    # Noise is the pump's supplemental clip, in every training, that of the oracle too.
    assert config["noise"]["clips"] == 1  # type: ignore[index,call-overload]
    (noise,) = set(Wide.noises)
    assert noise is not None
    assert [ref.path.name for ref in noise.audio] == ["section_00_noise_0000.wav"]
    assert (tmp_path / "run" / "frontends").is_dir()


def test_a_machine_without_a_name(tmp_path: Path, recipes: Path) -> None:
    for i in range(4):
        sounds.write(tmp_path / "data" / f"take {i}.wav", sounds.hum(i))
    with pytest.raises(GensupError, match="no normal training clip"):
        made(tmp_path / "data", recipes, tmp_path / "a")
    with pytest.raises(GensupError, match="one class only"):  # nothing tells its clips apart
        made(tmp_path / "data", recipes, tmp_path / "b", machines=["mill"])
    assert not (tmp_path / "b" / "run.json").exists()  # another configuration may be tried
    assert Wide.log[-1].label == ("mill|||",) * 4
    assert Wide.log[-1].plain is not None
    assert Wide.log[-1].plain.all()


def test_a_clip_of_two_machines_stays_out_of_the_others(tmp_path: Path, recipes: Path) -> None:
    root = sounds.machine(tmp_path / "data", train=10, target=2, test=0)
    sounds.machine(root, name="pump", train=12, target=2, test=0)  # ten of them are the fan's very sounds
    fit(root, "fan", "net", tmp_path / "d", detectors_overlay=recipes, workers=1)
    pumps = [label for label in Wide.log[-1].label or () if label.startswith("pump")]
    assert len(pumps) == 2


def test_twins_and_coded_clips_are_no_material(machines: Path) -> None:
    labels = ("fan|00||", "", "fan|00||")
    clips = Examples(
        audio=tuple(AudioRef(path, 8000, 0) for path in sorted((machines / "fan" / "train").iterdir())[:3]),
        key=("a", "b", "c"),
        group=("fan/00",) * 3,
        label=labels,
    )
    (one,) = ready_many(Inline(), Shifted(), [clips], Means())
    assert one.heard == ("a", "c")  # type: ignore[attr-defined]
