"""Clean recordings with noise at a stated signal-to-noise ratio: supplemental clips, a far microphone, any noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gensup.augmentation.arrays import Batch, blocks, joined, like
from gensup.errors import GensupError

SILENCE = 1e-12  # power; what is silent is neither scaled nor a measure


@dataclass(frozen=True, slots=True, eq=False)
class NoiseMixed:
    """Which noise each row gets, from where, and how loud; ``changed`` False leaves it as it is."""

    noise: NDArray[np.intp]  # row of the noises
    offset: NDArray[np.float64]  # share of the noise that is skipped; it is played round
    snr_db: NDArray[np.float64]
    changed: NDArray[np.bool_]

    def apply(self, waveforms: Batch, noises: Batch) -> Batch:
        """(batch, samples) with noises (n, samples of their own): the SNR is a row's power over its noise's."""
        chosen = zip(self.noise, self.offset, strict=True)
        rows = [_round(noises[int(n)], float(o), waveforms.shape[1])[None] for n, o in chosen]
        added = joined(rows, axis=0)
        power, own = (added * added).mean(1), (waveforms * waveforms).mean(1)
        heard = (power > SILENCE) & (own > SILENCE)
        gain = (own / (power + SILENCE)) ** 0.5 * like(10 ** (-self.snr_db / 20), waveforms)
        gain = gain * heard * like(self.changed, waveforms)
        return waveforms + gain[:, None] * added

    def targets(self, targets: Batch) -> Batch:
        """As they are: noise does not change what a machine is (Jiang et al., 2025)."""
        return targets

    def extra_classes(self, targets: Batch) -> Batch:
        """(batch, 2 classes): a clip with noise added is of a class of its own."""
        return blocks(targets, self.changed, [targets])


def _round(noise: Batch, offset: float, samples: int) -> Batch:
    """``samples`` of a noise from a share of it on, again and again where it is shorter."""
    start = int(offset * len(noise))
    turns = -(-samples // len(noise))
    return joined([noise[start:], noise[:start]] * turns, axis=0)[:samples]


@dataclass(frozen=True, slots=True)
class NoiseMix:
    """Each row with the probability, at one of the ratios (dB); SJTU-AITHU 2025: one half, 5 to 20."""

    snr_db: tuple[float, ...] = (5.0, 10.0, 15.0, 20.0)
    probability: float = 0.5

    def __post_init__(self) -> None:
        if not self.snr_db or not all(-60 <= ratio <= 120 for ratio in self.snr_db) or not 0 <= self.probability <= 1:
            raise GensupError(
                "out of range",
                where="noise",
                value=(*self.snr_db, self.probability),
                rule="ratios from -60 to 120 dB, probability 0 to 1",
            )

    def draw(self, size: int, noises: int, rng: np.random.Generator) -> NoiseMixed:
        """For a batch of so many rows and so many noises.

        Raises:
            GensupError: there is no noise.
        """
        if noises < 1:
            raise GensupError(
                "no noise to mix with", rule="at least one clip", remedy="give noise clips, or probability 0"
            )
        ratios = np.asarray(self.snr_db)[rng.integers(len(self.snr_db), size=size)]
        changed = rng.random(size) < self.probability
        return NoiseMixed(rng.integers(noises, size=size).astype(np.intp), rng.random(size), ratios, changed)
