"""Networks: shapes at every length, sizes as published, gradients everywhere, statistics by their formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gensup.detection.networks.attentive_statistics import AttentiveStatistics
from gensup.detection.networks.autoencoder import AutoEncoder
from gensup.detection.networks.seresnet import SeResNet18
from gensup.detection.networks.two_branch import TwoBranch


def size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("network", "shape", "out"),
    [
        (AutoEncoder(), (4, 640), (4, 640)),
        (SeResNet18(32, 8), (4, 60, 64), (4, 32)),
        (SeResNet18(32, 8), (4, 313, 128), (4, 32)),
        (TwoBranch(16000, 16, 16), (4, 16000), (4, 32)),
        (AttentiveStatistics(24, 10), (4, 30, 24), (4, 10)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_shapes_and_gradients(network: nn.Module, shape: tuple[int, ...], out: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x = torch.randn(shape)
    found = network.train()(x)
    assert found.shape == out
    found.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    alone = network.eval()(x[:1])
    torch.testing.assert_close(alone, network(x)[:1], rtol=1e-4, atol=1e-5)  # a row does not depend on the others


def test_sizes_are_the_published_ones() -> None:
    # Keras counts 269,992 for the baseline's, 2,064 of which are the running moments of batch normalisation.
    moments = sum(b.numel() for name, b in AutoEncoder().named_buffers() if "running" in name)
    assert (size(AutoEncoder()), moments) == (267_928, 2_064)
    # ResNet18 with one channel and no classes: 11.17 million; excitation adds 0.09 (Hu et al.: +0.8 %).
    assert 11_100_000 < size(SeResNet18(512)) - 512 * 513 < 11_300_000


def test_attentive_statistics_are_weighted_means_and_deviations() -> None:
    torch.manual_seed(1)
    pool = AttentiveStatistics(6, 12).eval()
    pool.project = nn.Identity()  # what it projects
    x = torch.randn(2, 9, 6)
    seen: list[torch.Tensor] = []
    pool.attention.register_forward_hook(lambda _m, _i, out: seen.append(out))
    out = pool(x).detach().numpy()
    w = seen[0].softmax(dim=2).detach().numpy()
    frames = x.numpy().transpose(0, 2, 1)
    mean = (w * frames).sum(axis=2)
    deviation = np.sqrt((w * (frames - mean[:, :, None]) ** 2).sum(axis=2))
    np.testing.assert_allclose(out, np.concatenate([mean, deviation], axis=1), rtol=1e-4, atol=1e-5)
    even = nn.init.zeros_
    even(pool.attention[-1].weight)
    np.testing.assert_allclose(pool(x).detach().numpy()[:, :6], x.mean(dim=1).numpy(), atol=1e-6)


def test_the_spectrogram_is_scipys() -> None:
    from scipy.signal import get_window

    branch = TwoBranch(16000, 8, 8).image
    wave = np.random.default_rng(0).normal(size=16000).astype(np.float32)
    frames = branch.spectrogram(torch.tensor(wave[None]))[0].numpy()
    padded = np.pad(wave, 512, mode="reflect")
    expected = np.abs(np.fft.rfft(padded[512 * 3 : 512 * 3 + 1024] * get_window("hann", 1024)))
    np.testing.assert_allclose(frames[3], expected, rtol=1e-3, atol=1e-3)
