"""BEATs against speechbrain's, which equals Microsoft's to the last bit."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gensup._compat import ensure_torchaudio
from gensup.detection.conversion import beats_arrays
from gensup.detection.networks.beats import Beats, BeatsConfig, PositionConv, buckets, fbank, frames, from_checkpoint
from gensup.errors import GensupError
from tests.support import checkpoints


def speechbrain(path: Path) -> torch.nn.Module:
    ensure_torchaudio()
    made = import_module("speechbrain.lobes.models.beats").BEATs(ckp_path=str(path), output_all_hiddens=True)
    # It leaves modules behind that import what is not installed when anybody looks at them, as hypothesis does.
    for name in [name for name in sys.modules if name.partition(".")[0] == "speechbrain"]:
        del sys.modules[name]
    return made


def network(path: Path) -> Beats:
    content = torch.load(path, weights_only=True)
    return from_checkpoint(beats_arrays(content["model"])[0], content, str(path)).freeze()


@pytest.mark.parametrize("seconds", [0.63, 2.0, 18.0])
def test_every_layer_equals_speechbrain(tmp_path: Path, seconds: float) -> None:
    path = checkpoints.beats(tmp_path / "tiny.pt")
    waves = 0.1 * torch.randn(2, round(seconds * 16000), generator=torch.Generator().manual_seed(0))
    expected = speechbrain(path)(waves, torch.ones(2))[0].transpose(1, 2)  # (layers, batch, tokens, width)
    with torch.inference_mode():
        found = network(path)(torch.stack([fbank(wave) for wave in waves]), range(3))
    assert found[0].shape == (2, (frames(waves.shape[1]) // 16) * 8, 32)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5)


def test_the_published_width_equals_speechbrain(tmp_path: Path) -> None:
    wide = {"embed_dim": 512, "encoder_embed_dim": 768, "encoder_ffn_embed_dim": 3072, "encoder_attention_heads": 12}
    path = checkpoints.beats(tmp_path / "wide.pt", **wide, conv_pos=128, conv_pos_groups=16)
    waves = 0.1 * torch.randn(1, 10 * 16000, generator=torch.Generator().manual_seed(1))
    expected = speechbrain(path)(waves, torch.ones(1))[0][-1].transpose(0, 1)
    with torch.inference_mode():
        (found,) = network(path)(fbank(waves[0])[None])
    assert found.shape == (1, 496, 768)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_fewer_layers_are_the_same_numbers(tmp_path: Path) -> None:
    mine, bank = network(checkpoints.beats(tmp_path / "tiny.pt")), torch.randn(1, 64, 128)
    called = []
    mine.encoder.layers[1].register_forward_hook(lambda *_: called.append(1))
    with torch.inference_mode():
        (first,) = mine(bank, (1,))
        assert not called  # nothing behind the last one that was asked for
        both = mine(bank, (2, 1))
    assert called
    torch.testing.assert_close(both[1], first, rtol=0, atol=0)
    assert not torch.allclose(both[0], first)


def test_tokens_run_along_frequency_first(tmp_path: Path) -> None:
    mine = network(checkpoints.beats(tmp_path / "tiny.pt"))
    bank = torch.zeros(1, 64, 128)
    bank[0, 32:48, 48:64] = 1  # the third patch of time, the fourth of frequency
    with torch.inference_mode():
        changed = (mine.patch_embedding(bank[:, None]).flatten(2) != 0).any(1)[0]
    assert changed.nonzero().flatten().tolist() == [2 * mine.mel_patches + 3]


def test_buckets_of_the_published_size() -> None:
    apart = torch.tensor([-500, -160, -80, -79, -1, 0, 1, 79, 80, 81, 160, 495, 500])
    expected = [143, 104, 80, 79, 1, 0, 161, 239, 240, 240, 264, 303, 303]
    assert buckets(apart, 320, 800).tolist() == expected


def test_a_network_in_training_learns_and_a_frozen_one_is_the_same(tmp_path: Path) -> None:
    path, bank = checkpoints.beats(tmp_path / "tiny.pt", dropout=0.0, attention_dropout=0.0), torch.randn(2, 48, 128)
    content = torch.load(path, weights_only=True)
    training = from_checkpoint(beats_arrays(content["model"])[0], content, "test").train()
    (out,) = training(bank)
    out.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in training.parameters())
    with torch.inference_mode():
        torch.testing.assert_close(network(path)(bank)[0], out.detach(), rtol=0, atol=1e-5)


def test_a_clip_of_another_length_at_the_same_time_changes_nothing(tmp_path: Path) -> None:
    beats = network(checkpoints.beats(tmp_path / "tiny.pt"))
    one, other = torch.randn(1, 48, 128), torch.randn(1, 96, 128)
    with torch.inference_mode():
        (expected,) = beats(one)
        beats(other)
        overtaken = beats.encoder._last
        beats(one)

        class Overtaken(tuple[int, torch.Tensor]):
            """While its length is compared, another thread puts the bias of its own length in its place."""

            def __getitem__(self, place: Any) -> Any:
                beats.encoder._last = overtaken
                return super().__getitem__(place)

        beats.encoder._last = Overtaken(beats.encoder._last)
        (found,) = beats(one)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_gradients_shrink_with_depth_as_the_checkpoint_says(tmp_path: Path) -> None:
    grads = []
    for ratio in (1.0, 0.5):
        path = checkpoints.beats(tmp_path / "a.pt", dropout=0.0, attention_dropout=0.0)
        content = torch.load(path, weights_only=True)
        content["cfg"]["layer_wise_gradient_decay_ratio"] = ratio
        one = from_checkpoint(beats_arrays(content["model"])[0], content, "test")
        one(torch.ones(1, 32, 128) * torch.arange(128) / 128)[0].square().sum().backward()
        grads.append([one.encoder.layers[i].fc2.weight.grad for i in (0, 1)])
    torch.testing.assert_close(grads[1][1], grads[0][1])
    torch.testing.assert_close(grads[1][0], grads[0][0] * 0.5)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("layer_norm_first", True),
        ("activation_fn", "relu"),
        ("gru_rel_pos", False),
        ("relative_position_embedding", False),
        ("input_patch_size", -1),
        ("encoder_attention_heads", 5),
        ("max_distance", 40),
        ("num_buckets", 2),
        ("encoder_layers", "12"),
    ],
)
def test_another_architecture_is_refused(key: str, value: object) -> None:
    with pytest.raises(GensupError, match=key):
        BeatsConfig.of(checkpoints.TINY | {key: value}, "x.pt")


def test_arrays_of_another_shape_are_refused(tmp_path: Path) -> None:
    content = torch.load(checkpoints.beats(tmp_path / "tiny.pt"), weights_only=True)
    arrays, _ = beats_arrays(content["model"])
    wrong = {k: v for k, v in arrays.items() if k != "encoder.layers.1.self_attn.grep_a"}
    with pytest.raises(GensupError, match=r"another architecture.*grep_a"):
        from_checkpoint(wrong, content, "x.pt")
    with pytest.raises(GensupError, match=r"layers\.2"):
        from_checkpoint(arrays, {"cfg": checkpoints.TINY | {"encoder_layers": 3}}, "x.pt")


def test_frames_are_torchaudios() -> None:
    for count in (399, 400, 559, 560, 10000, 160000):
        assert frames(count) == (len(fbank(torch.from_numpy(np.ones(count, np.float32)))) if count >= 400 else 0)


@pytest.mark.parametrize("count", [1, 8, 63, 129, 130, 500])
def test_positions_by_spectra_are_the_convolution(count: int) -> None:
    torch.manual_seed(0)
    one = PositionConv(32, 128, 4)
    x = torch.randn(2, count, 32)
    with torch.inference_mode():
        plain = one(x)
        one.fold()
        torch.testing.assert_close(one(x), plain, rtol=0, atol=1e-5)
