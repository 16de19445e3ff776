"""Pickled checkpoints become safetensors, when somebody trusts them, and what they held is what a network gets."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gensup.detection.conversion import convert
from gensup.detection.frontends.beats import Beats
from gensup.detection.frontends.wav2vec2 import Wav2Vec2
from gensup.detection.means import Means
from gensup.errors import GensupError
from gensup.store import sha256_file
from tests.support import checkpoints


def how(**more: object) -> dict:
    return {"trust": True, "licence": "MIT", **more}


class Trap:
    """What a pickle can do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


def test_a_beats_file(tmp_path: Path) -> None:
    source = checkpoints.beats(tmp_path / "BEATs_tiny.pt", predictor=True)
    done = convert(source, tmp_path / "w", **how())
    assert done.path == tmp_path / "w" / "BEATs_tiny.safetensors"
    assert (done.sha256, done.source_sha256) == (sha256_file(done.path), sha256_file(source))
    assert done.dropped == ("predictor.weight", "predictor.bias")
    assert not done.whole_pickle
    said = json.loads((tmp_path / "w" / "BEATs_tiny.json").read_text())
    assert said["cfg"]["max_distance"] == 800
    assert "label_smoothing" not in said["cfg"]
    assert (said["sha256"], said["licence"], said["source"]["file"]) == (done.sha256, "MIT", "BEATs_tiny.pt")
    arrays = load_file(done.path)
    assert done.n_parameters == sum(array.numel() for array in arrays.values())
    content = torch.load(source, weights_only=True)["model"]
    torch.testing.assert_close(arrays["encoder.pos_conv.weight_v"], content["encoder.pos_conv.0.weight_v"])
    assert len(arrays) == len(content) - 2 - 1  # the classifier, and the bias of the second layer
    convert(source, tmp_path / "again", **how())
    assert sha256_file(tmp_path / "again" / "BEATs_tiny.safetensors") == done.sha256
    # What speechbrain saves has the newer names of a normed weight.
    newer = {
        name.replace("0.weight_g", "0.parametrizations.weight.original0").replace(
            "0.weight_v", "0.parametrizations.weight.original1"
        ): value
        for name, value in content.items()
    }
    torch.save({"cfg": checkpoints.TINY, "model": newer}, tmp_path / "newer.pt")
    assert convert(tmp_path / "newer.pt", tmp_path / "w", **how()).sha256 == done.sha256
    audio, means = checkpoints.sound(1.0), Means(weights=tmp_path / "w", device="cpu")
    one, other = (Beats(name, (2,)).untrained(means) for name in ("BEATs_tiny", "newer"))
    np.testing.assert_array_equal(one.tokens(audio, 16000).x, other.tokens(audio, 16000).x)


def test_nothing_is_read_without_trust(tmp_path: Path) -> None:
    (tmp_path / "trap.pt").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(GensupError, match=r"can run code.*--trust"):
        convert(tmp_path / "trap.pt", tmp_path / "w", **how(trust=False))
    assert not (tmp_path / "sprung").exists()
    assert not (tmp_path / "w").exists()


def test_code_runs_only_when_arrays_are_not_all(tmp_path: Path) -> None:
    content = torch.load(checkpoints.beats(tmp_path / "tiny.pt"), weights_only=True)
    torch.save(content | {"args": Trap(tmp_path / "sprung")}, tmp_path / "old.pt")
    done = convert(tmp_path / "old.pt", tmp_path / "w", **how(name="new"))
    assert done.whole_pickle
    assert (tmp_path / "sprung").is_dir()
    assert done.path.name == "new.safetensors"


def test_a_folder_of_transformers(tmp_path: Path) -> None:
    """Also with the names that a normed weight had when the published checkpoints were saved."""
    folder = checkpoints.samples_model(tmp_path / "w2v", "wav2vec2")
    audio, means = checkpoints.sound(0.5), Means(weights=tmp_path, device="cpu")
    expected = Wav2Vec2("w2v", (2,)).untrained(means).tokens(audio, 16000).x
    arrays = load_file(folder / "model.safetensors")
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): value
        for name, value in arrays.items()
    }
    assert old.keys() != arrays.keys()
    torch.save(old, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    done = convert(folder, tmp_path / "out", **how())
    assert (done.kind, done.path) == ("wav2vec2", tmp_path / "out" / "w2v" / "model.safetensors")
    converted = Means(weights=tmp_path / "out", device="cpu")
    np.testing.assert_array_equal(Wav2Vec2("w2v", (2,)).untrained(converted).tokens(audio, 16000).x, expected)
    in_place = convert(folder, tmp_path, **how())
    assert in_place.sha256 == done.sha256
    assert (folder / "config.json").is_file()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model": {}}, "no BEATs checkpoint.*model"),
        ([1, 2], "no BEATs checkpoint.*list"),
        ({"cfg": {}, "model": {}}, "another architecture"),
        ({"cfg": checkpoints.TINY, "model": {}}, "another architecture.*missing"),
        ({"cfg": checkpoints.TINY, "model": {"layer_norm.weight": 3}}, "not an array"),
        ({"cfg": 3, "model": {}}, "are mappings"),
    ],
)
def test_no_beats_checkpoint(content: object, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(GensupError, match=said):
        convert(tmp_path / "x.pt", tmp_path / "w", **how())
    assert not (tmp_path / "w").exists()


def test_unreadable(tmp_path: Path) -> None:
    whole = checkpoints.beats(tmp_path / "tiny.pt").read_bytes()
    cut = whole[: len(whole) // 2]
    for name, data in (("text.pt", b"<html>403</html>"), ("empty.pt", b""), ("cut.pt", cut), ("sound.wav", b"RIFF")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(GensupError, match="cannot be read"):
            convert(tmp_path / name, tmp_path / "w", **how())
    with pytest.raises(GensupError, match="no such file"):
        convert(tmp_path / "none.pt", tmp_path / "w", **how())
    (tmp_path / "folder").mkdir()
    with pytest.raises(GensupError, match=r"not a checkpoint of transformers.*pytorch_model\.bin"):
        convert(tmp_path / "folder", tmp_path / "w", **how())
    with pytest.raises(GensupError, match="not the name"):
        convert(tmp_path / "tiny.pt", tmp_path / "w", **how(name="../x"))
