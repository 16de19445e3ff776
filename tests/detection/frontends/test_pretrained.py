"""What every pretrained frontend promises, and what is refused of a folder of weights."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gensup.detection import pretrained
from gensup.detection.means import Means
from gensup.detection.parts import FRONTENDS, STATE
from gensup.errors import GensupError
from tests.support.checkpoints import sound

KINDS: dict[str, dict[str, Any]] = {
    "beats": {"checkpoint": "tiny", "layers": (2,)},
    "wav2vec2": {"checkpoint": "wav2vec2-tiny", "layers": (2,)},
    "hubert": {"checkpoint": "hubert-tiny", "layers": (2,)},
    "wavlm": {"checkpoint": "wavlm-tiny", "layers": (2,)},
    "ast": {"checkpoint": "ast-tiny", "layers": (2,)},
    "clap": {"checkpoint": "clap-tiny"},
}
LAYERED = [kind for kind in KINDS if kind != "clap"]
SHAPES = {"beats": (12, 8, 32), "wav2vec2": (199, 1, 16), "ast": (19, 12, 16), "clap": (7, 2, 128)}


def fitted(kind: str, means: Means, **settings: Any) -> Any:
    return FRONTENDS.load(kind)(**KINDS[kind] | settings).untrained(means)


@pytest.mark.parametrize("kind", KINDS)
def test_the_contract(kind: str, means: Means, tmp_path: Path) -> None:
    one, audio = fitted(kind, means), sound(2.0)
    x = one.tokens(audio, 16000).x
    assert x.dtype == np.float32
    assert x.shape == SHAPES.get(kind, SHAPES["wav2vec2"])
    assert np.ptp(x) > 0
    assert one.n_parameters > 0
    assert len(pickle.dumps(one)) < 2000  # it goes to every worker
    assert hash(pickle.loads(pickle.dumps(one))) == hash(one)
    # Only the first channel counts, and the same clip gives the same numbers.
    np.testing.assert_array_equal(one.tokens(np.concatenate([audio, sound(2.0, seed=1)]), 16000).x, x)
    save_file({f"{STATE}{name}": array for name, array in one.state().items()}, tmp_path / "model.safetensors")
    assert FRONTENDS.load(kind)(**KINDS[kind]).restore(tmp_path / "model.safetensors", means) == one
    # Another rate is resampled to the network's own.
    assert fitted(kind, means).tokens(sound(2.0, 32000), 32000).x.shape[0] == pytest.approx(x.shape[0], abs=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_network_is_kept(kind: str, means: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    one, audio = fitted(kind, means), sound(1.0)
    first = one.tokens(audio, 16000).x
    monkeypatch.setattr(pretrained, "arrays_of", None)
    monkeypatch.setattr("transformers.modeling_utils.load_state_dict", None)
    np.testing.assert_array_equal(one.tokens(audio, 16000).x, first)


@pytest.mark.parametrize("kind", KINDS)
def test_many_are_each_alone(kind: str, means: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [sound(2.5, seed=1), sound(2.5, seed=2), sound(1.5, seed=3)]
    one = fitted(kind, means)
    alone = [one.tokens(clip, 16000).x for clip in clips]
    for together, x in zip(one.tokens_many(clips, 16000), alone, strict=True):
        np.testing.assert_array_equal(together.x, x)  # on a CPU, whoever the neighbours are
    # On a GPU those of one length share a pass. This one is none, but batches round likewise.
    monkeypatch.setattr("gensup.detection.embedding.on_gpu", lambda device: True)
    passes, embed = list[int](), type(one.settings).embed
    monkeypatch.setattr(
        type(one.settings), "embed", lambda self, part, *how: (passes.append(len(part)), embed(self, part, *how))[1]
    )
    assert one.batch == 16
    for together, x in zip(one.tokens_many(clips, 16000), alone, strict=True):
        np.testing.assert_allclose(together.x, x, atol=1e-5 * x.std())
    assert passes == [2, 1]


@pytest.mark.parametrize("kind", LAYERED)
def test_layers_stand_side_by_side(kind: str, means: Means) -> None:
    audio = sound(1.0)
    both = fitted(kind, means, layers=(2, 0)).tokens(audio, 16000).x
    apart = [fitted(kind, means, layers=(n,)).tokens(audio, 16000).x for n in (2, 0)]
    np.testing.assert_allclose(both, np.concatenate(apart, axis=2), atol=1e-6)
    assert fitted(kind, means).fingerprint != fitted(kind, means, layers=(1,)).fingerprint
    for layers in ((), (3,), (-1,), (1, 1)):
        with pytest.raises(GensupError, match="layer"):
            fitted(kind, means, layers=layers)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_near(kind: str, means: Means) -> None:
    audio = sound(1.0)
    exact, rough = (fitted(kind, means, precision=p).tokens(audio, 16000).x for p in ("fp32", "bf16"))
    assert np.abs(exact - rough).max() > 0
    assert np.sqrt(np.mean((exact - rough) ** 2)) < 0.1 * exact.std()


@pytest.mark.parametrize("kind", KINDS)
def test_too_short(kind: str, means: Means) -> None:
    with pytest.raises(GensupError, match="too short for one token"):
        fitted(kind, means).tokens(sound(0.0005), 16000)


@pytest.mark.parametrize("kind", KINDS)
def test_no_weights(kind: str, tmp_path: Path) -> None:
    with pytest.raises(GensupError, match=r"--weights: pretrained weights are needed.*(convert --trust|hf download)"):
        fitted(kind, Means())
    with pytest.raises(GensupError, match=r"the checkpoint is not there.*(convert --trust|hf download)"):
        fitted(kind, Means(weights=tmp_path))
    with pytest.raises(GensupError, match="not the name"):
        fitted(kind, Means(weights=tmp_path), checkpoint="../x")


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_another_architecture(kind: str, means: Means) -> None:
    other = "hubert-tiny" if kind != "hubert" else "ast-tiny"
    with pytest.raises(GensupError, match="another architecture"):
        fitted(kind, means, checkpoint=other)
    if kind != "beats":
        with pytest.raises(GensupError, match="another architecture"):
            fitted(kind, means, checkpoint="tiny")


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_that_are_nan(kind: str, means: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    one = fitted(kind, means)
    monkeypatch.setattr(type(one.settings), "embed", lambda *_: [np.full((3, 1, 4), np.nan, np.float32)])
    with pytest.raises(GensupError, match=r"NaN or infinity of the clip.*12 numbers.*fp32"):
        one.tokens(sound(1.0), 16000)


def test_altered_weights(means: Means, tmp_path: Path) -> None:
    assert means.weights is not None
    for name in ("tiny.safetensors", "tiny.json"):
        shutil.copy(means.weights / name, tmp_path)
    arrays = load_file(tmp_path / "tiny.safetensors")
    save_file({name: array + 1 for name, array in arrays.items()}, tmp_path / "tiny.safetensors")
    with pytest.raises(GensupError, match="not what their description says"):
        fitted("beats", Means(weights=tmp_path)).tokens(sound(1.0), 16000)
    (tmp_path / "tiny.safetensors").write_bytes(b"no such thing")
    with pytest.raises(GensupError, match="cannot be read"):
        fitted("beats", Means(weights=tmp_path))
    (tmp_path / "tiny.json").unlink()
    with pytest.raises(GensupError, match=r"tiny\.json"):
        fitted("beats", Means(weights=tmp_path))


def test_a_folder_without_an_array(means: Means, tmp_path: Path) -> None:
    assert means.weights is not None
    folder = shutil.copytree(means.weights / "wavlm-tiny", tmp_path / "wavlm-tiny")
    arrays = load_file(folder / "model.safetensors")
    del arrays["encoder.layers.1.attention.q_proj.weight"]
    save_file(arrays, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(GensupError, match=r"another architecture.*layers\.1\.attention\.q_proj"):
        fitted("wavlm", Means(weights=tmp_path)).tokens(sound(1.0), 16000)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(GensupError, match="convert --trust"):
        fitted("wavlm", Means(weights=tmp_path))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(GensupError, match=r"another architecture.*bert"):
        fitted("wavlm", Means(weights=tmp_path))
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(GensupError, match=r"preprocessor_config\.json"):
        fitted("wavlm", Means(weights=tmp_path))


def test_a_detector_with_other_weights(means: Means, tmp_path: Path) -> None:
    made = fitted("wavlm", means)
    save_file({f"{STATE}{name}": array for name, array in made.state().items()}, tmp_path / "m.safetensors")
    with pytest.raises(GensupError, match="not the weights that the detector was fitted with"):
        FRONTENDS.load("beats")(checkpoint="tiny", layers=(1,)).restore(tmp_path / "m.safetensors", means)


def test_devices(means: Means) -> None:
    for device, said in (("banana", "no such device"), ("cuda:99", "the device is not here")):
        with pytest.raises(GensupError, match=said):
            fitted("beats", Means(weights=means.weights, device=device)).tokens(sound(1.0), 16000)


def test_no_more_than_two_networks_are_kept() -> None:
    kept, made = pretrained._Loaded(), []
    for key in ("a", "b", "a", "c", "a", "b"):
        kept.get((key,), lambda key=key: made.append(key))
    assert made == ["a", "b", "c", "b"]


def test_a_sum_is_made_again_when_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a")
    first = pretrained._sum_of(path)
    path.write_bytes(b"bc")
    assert pretrained._sum_of(path) != first
