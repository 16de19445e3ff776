"""Hiss, flow noise and friction: a stationary noise in a band, beside everything the machine already sounds like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import TOP, added, band_level, band_noise, too_high

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseAdded:
    """Gaussian noise between two frequencies, ``x + severity * noise``, the same at every microphone.

    ``level_db`` is the nominal noise over the clip's own background RMS in the same band, ``tilt_db`` its slope an
    octave.
    """

    name: ClassVar[str] = "noise-added"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "noise-added",
        {
            "low_hz": Quantity(500, 2500, 20, 20_000, log=True),
            "high_hz": Quantity(4000, 8000, 40, 48_000, log=True),
            "tilt_db": Quantity(-3, 3, -24, 24),
            "level_db": Quantity(1, 5, -40, 40),
        },
    )

    severity: float
    seed: int
    low_hz: float
    high_hz: float
    tilt_db: float
    level_db: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        return too_high(cls.ALLOWED.ranges(parameters)["low_hz"], 0.8 * TOP, profile.rate)

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        high_hz = min(drawn["high_hz"], TOP * profile.rate)
        # A band has width: a fifth of its upper edge at least, whatever the two draws were.
        low_hz = min(drawn["low_hz"], 0.8 * high_hz)
        return cls(
            severity=severity,
            seed=fresh_seed(rng),
            low_hz=low_hz,
            high_hz=high_hz,
            tilt_db=drawn["tilt_db"],
            level_db=drawn["level_db"],
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        high_hz = min(self.high_hz, rate / 2)
        low_hz = min(self.low_hz, 0.8 * high_hz)
        noise = band_noise(audio.shape[1], rate, low_hz, high_hz, self.tilt_db, self.seed)
        gain = self.severity * 10 ** (self.level_db / 20) * band_level(audio, rate, low_hz, high_hz)
        return added(audio, gain * noise)
