"""Detectors as ONNX files: a runtime's score is gensup's, and the pair beside a file tells when it is not."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from gensup.audio.files import AudioRef
from gensup.detection.chain import ChainDetector, Wanted, fit_many
from gensup.detection.conversion import convert
from gensup.detection.detector import load
from gensup.detection.examples import Examples
from gensup.detection.frontends.beats_lora import BeatsLora
from gensup.detection.fusion import fuse
from gensup.detection.graphs import backends, exporting, expressible, poolings, pretrained, running, stored, trained
from gensup.detection.graphs.detector import frontend
from gensup.detection.graphs.exporting import exported
from gensup.detection.graphs.sound import HighPassed, Resampled
from gensup.detection.graphs.trained import Spectrum
from gensup.detection.means import Means
from gensup.detection.networks.two_branch import SpectrumBranch
from gensup.detection.parts import BACKENDS, FRONTENDS, NORMALISES, POOLINGS
from gensup.engine import Inline
from gensup.errors import GensupError
from gensup.steps.onnx_file import check_export, export
from gensup.store import sha256_file
from tests.detection.conftest import SMALL, N, params
from tests.detection.graphs.test_parts import learnt
from tests.support import checkpoints, sounds

LOG_MEL = {"frontend.kind": "log-mel", **SMALL}
MEMBERS = [
    params(0.5, 2),
    LOG_MEL | {"pooling.kind": "rdp-gem", "backend.kind": "knn", "normalise.kind": "domain-minimum"},
    LOG_MEL | {"pooling.kind": "mean", "backend.kind": "local-density", "normalise.kind": "z-score"},
    LOG_MEL | {"pooling.kind": "rdp", "backend.kind": "mahalanobis"},
    LOG_MEL | {"pooling.kind": "max", "backend.kind": "k-means", "backend.k": 3},
    LOG_MEL | {"pooling.kind": "gem", "pooling.negative": "keep", "backend.kind": "value"},
]


@pytest.fixture(scope="module")
def folder(clips: Examples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fusion of a fusion and chains, which between them have every pooling, back end and normalisation."""
    wanted = [Wanted(f"own-{i}", one, np.arange(5.0)) for i, one in enumerate(MEMBERS)]
    chains = fit_many(Inline(), wanted, ("machine", "section"), clips.take(np.arange(N)), machine="fan")
    inner, held_out = fuse("mean", chains[:3], [one.held_out for one in wanted[:3]])
    outer, _ = fuse("max", [inner, *chains[2:]], [held_out, *(one.held_out for one in wanted[2:])])
    folder = tmp_path_factory.mktemp("fusion")
    outer.save(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It as a file."""
    path = tmp_path_factory.mktemp("onnx") / "fan.onnx"
    done = export(folder, path, group="fan/01", seconds=0.8)
    assert (done.rate, done.samples, done.group) == (sounds.RATE, 6400, "fan/01")
    assert done.found == pytest.approx(done.score, rel=1e-5)
    return path


def test_every_part_of_a_fusion(folder: Path, model: Path, clips: Examples) -> None:
    fitted = load(folder)
    queries = replace(clips.take(range(0, 2 * N, 5)), group=("fan/01",) * 5)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found = [session.run(None, {"waveform": ref.read()})[0][0] for ref in queries.audio]
    np.testing.assert_allclose(found, fitted.score(queries, Inline()), rtol=1e-5)
    said = session.get_modelmeta().custom_metadata_map
    assert float(said["gensup.threshold"]) == fitted.threshold
    assert float(said["gensup.held_out.sd"]) == fitted.held_out.sd
    names = ("machine", "group", "rate", "samples", "channel")
    assert [said[f"gensup.{name}"] for name in names] == ["fan", "fan/01", "8000", "6400", "0"]
    assert (
        str(Path(exporting.__file__).parent).encode() not in model.read_bytes()
    )  # nor any other place of this machine
    assert b"/graphs/" not in model.read_bytes()


def test_the_pair_is_gensups_own(folder: Path, model: Path, tmp_path: Path) -> None:
    checked = check_export(model)
    assert checked.by.startswith("onnxruntime ")
    pair = load_file(stored.pair_of(model))
    assert pair["clip"].shape == (1, 6400)
    assert checked.score == pair["score"][0]
    sounds.files.write(tmp_path / "clip.wav", pair["clip"], sounds.RATE, "FLOAT")
    clip = Examples(audio=(AudioRef(tmp_path / "clip.wav", sounds.RATE, 0),), key=("",), group=("fan/01",))
    assert load(folder).score(clip, Inline())[0] == checked.score


def test_without_a_runtime_the_reference_evaluates(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find_spec", lambda name: None if name == "onnxruntime" else find_spec(name))
    checked = check_export(model)
    assert checked.by == f"onnx {onnx.__version__}"
    assert checked.found == pytest.approx(checked.score, rel=1e-5)
    monkeypatch.setattr(running, "find_spec", lambda name: None)
    with pytest.raises(GensupError, match=r"nothing here runs ONNX.*gensup\[export\]"):
        check_export(model)


def test_what_does_not_agree_is_refused(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(model.read_bytes())
    with pytest.raises(GensupError, match="the stored pair is not there"):
        check_export(copy)
    pair, place = load_file(stored.pair_of(model)), stored.pair_of(copy)
    said = {"schema": "1", "model_sha256": sha256_file(model), "tolerance": "0.001"}
    save_file(pair | {"score": pair["score"] + 0.002}, place, said)
    with pytest.raises(GensupError, match="does not score as the detector does"):
        check_export(copy)
    save_file(pair, place, said | {"model_sha256": "0" * 64})
    with pytest.raises(GensupError, match="not the one that was exported"):
        check_export(copy)
    save_file(pair, place, {"schema": "1"})
    with pytest.raises(GensupError, match="the stored pair is damaged"):
        check_export(copy)
    wrong = stored.Pair.of(pair["clip"], 1.01 * float(pair["score"][0]) + 1, 1.0)
    with pytest.raises(GensupError, match="does not score as the detector does"):
        stored.write(tmp_path / "new.onnx", model.read_bytes(), wrong)
    assert not (tmp_path / "new.onnx").exists()
    assert not stored.pair_of(tmp_path / "new.onnx").exists()


class Several(nn.Module):
    """The outputs of several modules in a row."""

    def __init__(self, modules: list[nn.Module]) -> None:
        super().__init__()
        self.several = nn.ModuleList(modules)

    def forward(self, waveform: Tensor) -> Tensor:
        return torch.cat([module(waveform).flatten().double() for module in self.several])


def test_networks(tmp_path: Path) -> None:
    """The layers that log-mel chains lack, in one file: exporting takes seconds."""
    convert(checkpoints.beats(tmp_path / "pt" / "tiny.pt", encoder_layers=1), tmp_path, trust=True, licence="none")
    means = Means(weights=tmp_path, device="cpu")
    adapted = learnt(BeatsLora(checkpoint="tiny", rank=4, dim=16, seconds=0.8).untrained(means).settings, 16_000)
    audio = checkpoints.sound(0.9)
    waveform = torch.from_numpy(audio)
    plain = [HighPassed(16_000, 200.0), Resampled(16_000, 11_025), Spectrum(SpectrumBranch(audio.shape[1], 4, 8))]
    graph = Several([*plain, frontend(adapted, 16_000)]).eval().requires_grad_(False)
    session = onnxruntime.InferenceSession(exported(graph, audio.shape[1], {}), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"waveform": audio})
    with torch.inference_mode():
        expected = [module(waveform).numpy() for module in plain]
    expected.append(adapted.tokens(audio, 16_000).x)
    np.testing.assert_allclose(found, np.concatenate([x.ravel() for x in expected]), rtol=1e-4, atol=1e-4)


def test_every_part_has_a_graph_or_is_known_to_have_none() -> None:
    frontends = {kind.name for kind in trained.trained.registry if kind is not object}
    none = pretrained.pretrained.dispatch(object)
    frontends |= {
        name for name in FRONTENDS.names() if pretrained.pretrained.dispatch(FRONTENDS.load(name)) is not none
    }
    assert {*frontends, "log-mel"} == set(expressible.KNOWN["frontend"])
    assert set(FRONTENDS.names()) - set(expressible.KNOWN["frontend"]) == {"clap", "precomputed"}
    assert {kind.name for kind in poolings.pooled.registry if kind is not object} == set(expressible.KNOWN["pooling"])
    assert set(POOLINGS.names()) == set(expressible.KNOWN["pooling"])
    assert len(backends.backend.registry) - 1 == len(BACKENDS.names()) + len(NORMALISES.names())
    assert set(BACKENDS.names()) == set(expressible.KNOWN["backend"])
    assert set(NORMALISES.names()) == set(expressible.KNOWN["normalise"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frontend.kind": "clap"}, r"frontend\.kind.*clap.*frontend with a graph: ast, autoencoder"),
        ({"pooling.kind": "new"}, r"pooling\.kind.*new.*pooling with a graph: gem"),
        ({"frontend.precision": "bf16"}, r"frontend\.precision.*bf16.*fp32"),
        ({}, "a graph hears one"),
    ],
)
def test_what_no_graph_says(change: dict[str, Any], said: str, folder: Path) -> None:
    first = load(folder).chains()[0]  # type: ignore[union-attr]
    assert isinstance(first, ChainDetector)
    changed = replace(first, params=dict(first.params) | change, transductive=not change)
    with pytest.raises(GensupError, match=said):
        expressible.check(changed)


def test_bad_input(folder: Path, tmp_path: Path, clips: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "fan.onnx"
    with pytest.raises(GensupError, match=r"group.*known: fan/00, fan/01"):
        export(folder, out)
    with pytest.raises(GensupError, match=r"ends with \.onnx"):
        export(folder, tmp_path / "fan.pt", group="fan/00")
    for seconds in (1.0, 0.0, np.nan, np.inf):
        with pytest.raises(GensupError, match=r"--seconds: .*0\.1 to the clip's 0\.8"):
            export(folder, out, group="fan/00", clip=clips.audio[0].path, seconds=seconds)
    with pytest.raises(GensupError, match=r"0\.1 to 600"):
        export(folder, out, group="fan/00", seconds=0.0)
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(GensupError, match=r"not installed.*onnx and onnxscript.*gensup\[export\]"):
        export(folder, out, group="fan/00")
    assert not list(tmp_path.iterdir())
