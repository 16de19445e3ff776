"""Duller or harsher: all of the machine's sound, weighed by frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.synthesis.parameters import Allowed, Quantity, checked_severity
from gensup.synthesis.shaping import TOP, added
from gensup.synthesis.spectra import through

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


MOST_DB = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralTilt:
    """A gain of ``severity * tilt_db`` an octave above ``pivot_hz``, without phase; 40 dB either way is the most.

    What muffles (a closed cover, a full bag, a swollen seal) takes more the higher the sound, what bares or wears
    (a lost cover, a broken surface) gives more. What is longer than the machine is large, below the pivot, passes.
    """

    name: ClassVar[str] = "spectral-tilt"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "spectral-tilt",
        {"tilt_db": Quantity(-3.5, -2, -24, 24), "pivot_hz": Quantity(200, 800, 20, 20_000, log=True)},
    )

    severity: float
    seed: int
    tilt_db: float
    pivot_hz: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        cls.ALLOWED.ranges(parameters)
        return None

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        return cls(
            severity=severity, seed=0, tilt_db=drawn["tilt_db"], pivot_hz=min(drawn["pivot_hz"], TOP * profile.rate)
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        slope_db = self.severity * self.tilt_db

        def gain_db(hz: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.clip(slope_db * np.log2(np.maximum(hz / self.pivot_hz, 1)), -MOST_DB, MOST_DB)

        return added(audio, through(audio, rate, gain_db))
