"""Cached latents: what the VAE would say, from whichever file, and the clip's own sound known from its repetition."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gensup.audio.files import AudioRef, fingerprint
from gensup.errors import GensupError
from gensup.metadata import parse
from gensup.rng import generator
from gensup.synthesis.diffusion.family import Posterior
from gensup.synthesis.diffusion.front_end import log_mel, peak_gain
from gensup.synthesis.diffusion.grid import Grid
from gensup.synthesis.diffusion.wrap import wrapped
from gensup.synthesis.finetuning.examples import TrainingClip
from gensup.synthesis.finetuning.latents import LatentCache, sample
from tests.support.sounds import RATE, hum, write

GRID = Grid(rate=16_000, hop=160, n_mels=64, factor=4, stride=8, channels=2, scaling=0.9)
SECONDS = 1.0
HEIGHT = GRID.frames(SECONDS) // GRID.factor  # 1.28 s


class Ears:
    """A VAE that averages squares of mel bins, and counts what it is asked."""

    grid = GRID

    def __init__(self) -> None:
        self.heard: list[torch.Tensor] = []

    def encode_audio(self, mel: torch.Tensor) -> Posterior:
        self.heard.append(mel)
        mean = torch.nn.functional.avg_pool2d(mel, GRID.factor)
        return Posterior(mean.repeat(1, 2, 1, 1), mean.repeat(1, 2, 1, 1) - 3)


def recordings(folder: Path, *seconds: float) -> list[TrainingClip]:
    clips = []
    for i, length in enumerate(seconds):
        path = f"fan/train/section_00_source_train_normal_{i:04}.wav"
        ref = AudioRef(write(folder / path, hum(i, seconds=length)), RATE)
        clips.append(TrainingClip(parse(path), ref, fingerprint(ref.read()), length, "reference"))
    return clips


@pytest.fixture
def clips(tmp_path: Path) -> list[TrainingClip]:
    return recordings(tmp_path / "data", 1.0, 1.0, 0.4, 2.0)


def cache(folder: Path, clips: list[TrainingClip], ears: Ears | None = None, **how: object) -> LatentCache:
    return LatentCache(folder / "latents", clips, ears or Ears(), "r1", seconds=SECONDS, **how)  # type: ignore[arg-type]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "latents").rglob("*.safetensors")}


def test_what_is_kept_is_what_the_model_says(tmp_path: Path, clips: list[TrainingClip]) -> None:
    ears = Ears()
    latents = cache(tmp_path, clips, ears, wraps=2)
    assert latents.missing() == (0, 1, 2, 3)
    assert list(latents.fill()) == [3, 2, 1, 0]
    assert [mel.shape for mel in ears.heard] == [(2, 1, 128, 64)] * 4, "a clip's wraps are a batch of their own"
    for index in range(4):
        by_epoch = [latents.get(index, epoch) for epoch in (0, 1)]
        asked = torch.nn.functional.avg_pool2d(ears.heard[index], GRID.factor)
        for latent in by_epoch:
            assert latent.mean.shape == latent.log_variance.shape == (2, HEIGHT, 16)
            assert any(torch.equal(latent.mean[0], row[0]) for row in asked)
            assert torch.equal(latent.log_variance, latent.mean - 3)
        assert not torch.equal(by_epoch[0].mean, by_epoch[1].mean), "another epoch, another wrap"
    assert len(ears.heard) == 4


def test_wraps_are_rotations_of_the_normalised_clip(tmp_path: Path, clips: list[TrainingClip]) -> None:
    ears = Ears()
    latents = cache(tmp_path, clips[:1], ears, wraps=3)
    list(latents.fill())
    audio = replace(clips[0].ref, rate=GRID.rate).read()
    normalised, gain = peak_gain(torch.from_numpy(audio))
    assert latents.gain(0) == pytest.approx(float(gain))
    assert float(np.abs(normalised.numpy()).max()) == pytest.approx(0.5, abs=1e-4)
    places = generator("offsets", clips[0].key).integers(len(audio[0]) - 320, size=3)  # 320: the cross-fade's 20 ms
    for place, mel in zip(places, ears.heard[0], strict=True):
        laid, _ = wrapped(normalised.numpy(), GRID.samples(SECONDS), GRID.rate, int(place))
        torch.testing.assert_close(mel, log_mel(torch.from_numpy(laid), GRID)[0])
    assert len(set(places)) == 3


@pytest.mark.parametrize(("index", "own"), [(0, 0.98), (2, 0.38), (3, 1.28)])
def test_masks_hold_what_is_the_clips_own(tmp_path: Path, clips: list[TrainingClip], index: int, own: float) -> None:
    latents = cache(tmp_path, clips)
    for epoch in range(4):
        mask = latents.get(index, epoch).mask
        assert (mask.shape, mask.dtype) == ((HEIGHT,), torch.bool)
        # Rows of 40 ms; a rotated clip's own sound has up to two edges that each cost part of a row.
        assert own - 0.13 <= int(mask.sum()) * 0.04 <= own + 1e-9


def test_epochs_go_through_all_wraps(tmp_path: Path, clips: list[TrainingClip]) -> None:
    latents = cache(tmp_path, clips, wraps=3)
    order = [float(latents.get(0, epoch).mean.sum()) for epoch in range(12)]
    assert all(len(set(order[i : i + 3])) == 3 for i in range(0, 12, 3))
    assert len({tuple(order[i : i + 3]) for i in range(0, 12, 3)}) > 1
    again = cache(tmp_path, clips, wraps=3)
    assert [float(again.get(0, epoch).mean.sum()) for epoch in range(12)] == order


def test_a_killed_encoding_goes_on(tmp_path: Path, clips: list[TrainingClip]) -> None:
    whole = cache(tmp_path / "whole", clips)
    list(whole.fill())
    first = cache(tmp_path / "cut", clips).fill()
    next(first)
    next(first)
    ears = Ears()
    rest = cache(tmp_path / "cut", clips, ears)
    assert rest.missing() == (2, 3)
    assert list(rest.fill()) == [1, 0]
    assert len(ears.heard) == 2
    assert files(tmp_path / "cut") == files(tmp_path / "whole")
    assert list(rest.fill()) == []


def test_processes_share_the_work(tmp_path: Path, clips: list[TrainingClip]) -> None:
    shares = [cache(tmp_path, clips).fill(rank, 2) for rank in (0, 1)]
    # The second looks for what is missing when the first has written.
    assert [next(share) for share in shares] == [1, 1]
    for share in shares:
        list(share)
    assert cache(tmp_path, clips).missing() == ()


def test_a_damaged_file_is_encoded_again(
    tmp_path: Path, clips: list[TrainingClip], caplog: pytest.LogCaptureFixture
) -> None:
    list(cache(tmp_path, clips).fill())
    good = files(tmp_path)
    for path in (tmp_path / "latents").rglob("*.safetensors"):
        data = bytearray(path.read_bytes())
        data[-5] ^= 1  # inside a tensor: the file still opens
        path.write_bytes(data)
    ears = Ears()
    with caplog.at_level(logging.WARNING):
        cache(tmp_path, clips, ears).get(0)
    assert len(ears.heard) == 1
    assert "damaged cache entry, made again" in caplog.text
    for index in range(4):
        for epoch in range(4):
            cache(tmp_path, clips).get(index, epoch)
    assert files(tmp_path) == good


def test_another_model_length_or_dtype_has_files_of_its_own(tmp_path: Path, clips: list[TrainingClip]) -> None:
    list(cache(tmp_path, clips).fill())
    ears = Ears()
    where = tmp_path / "latents"
    assert LatentCache(where, clips, ears, "r1", seconds=SECONDS).missing() == ()
    assert LatentCache(where, clips, ears, "r1", seconds=1.2).missing() == (), "the same length on the grid"
    for other in (
        LatentCache(where, clips, ears, "r2", seconds=SECONDS),
        LatentCache(where, clips, ears, "r1", seconds=2.0),
        LatentCache(where, clips, ears, "r1", seconds=SECONDS, dtype="bfloat16"),
        LatentCache(where, clips, ears, "r1", seconds=SECONDS, wraps=5),
    ):
        assert other.missing() == (0, 1, 2, 3)


class Deaf(Ears):
    def encode_audio(self, mel: torch.Tensor) -> Posterior:
        found = super().encode_audio(mel)
        return Posterior(found.mean.fill_(float("nan")), found.log_variance)


def test_what_cannot_be_encoded(tmp_path: Path, clips: list[TrainingClip]) -> None:
    with pytest.raises(GensupError, match=r"the VAE cannot hear this clip.*encode in float32"):
        cache(tmp_path, clips, Deaf()).get(0)
    assert files(tmp_path) == {}
    with pytest.raises(GensupError, match="too few"):
        cache(tmp_path, clips, wraps=0)
    both = write(tmp_path / "two.wav", np.concatenate([hum(0), hum(1)]))
    stereo = replace(clips[0], ref=AudioRef(both, RATE, "all"), key="two")
    with pytest.raises(GensupError, match="not one channel"):
        cache(tmp_path, [stereo]).get(0)


def test_samples_are_of_the_posterior() -> None:
    mean = torch.full((40, 50, 50), 2.0)
    log_variance = torch.full_like(mean, 2 * np.log(0.5))
    drawn = sample(mean, log_variance, torch.Generator().manual_seed(0))
    assert float(drawn.mean()) == pytest.approx(2.0, abs=0.01)
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.01)
    assert torch.equal(drawn, sample(mean, log_variance, torch.Generator().manual_seed(0)))
    assert not torch.equal(drawn, sample(mean, log_variance, torch.Generator().manual_seed(1)))
    certain = sample(mean, torch.full_like(mean, -80.0), torch.Generator().manual_seed(0))
    torch.testing.assert_close(certain, mean, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["audioldm", "audioldm2"])
def test_with_a_checkpoint(tmp_path: Path, clips: list[TrainingClip], name: str) -> None:
    from gensup.synthesis.diffusion.checkpoint import open_checkpoint
    from gensup.synthesis.diffusion.family import FAMILIES
    from tests.support.tiny_diffusion import save_tiny

    checkpoint = open_checkpoint(str(save_tiny(tmp_path / "model", name)), offline=True)  # type: ignore[arg-type]
    family = FAMILIES.load(name).open(checkpoint)
    latents = LatentCache(tmp_path / "latents", clips, family, checkpoint.revision, wraps=2, seconds=SECONDS)
    list(latents.fill())
    mean, log_variance, mask = latents.get(0)
    assert mean.shape == log_variance.shape == family.grid.latent(SECONDS)
    assert mask.shape == mean.shape[1:2]
    assert float(mean.std()) > 0
    assert latents.missing() == ()
