"""Muffled, choked: a band of the machine's own sound that loses strength, as flow noise does when flow is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gensup.synthesis.parameters import Allowed, Quantity, checked_severity
from gensup.synthesis.shaping import TOP, added, band_part, too_high

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class BandWeaker:
    """What lies between two frequencies, ``severity * attenuation_db`` lower; a band can do no more than go.

    A dipole's sound grows with the sixth power of the flow's speed (Curle, 1955): a third less flow takes 10 dB.
    """

    name: ClassVar[str] = "band-weaker"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "band-weaker",
        {
            "attenuation_db": Quantity(4, 8, 0.5, 60),
            "low_hz": Quantity(800, 1500, 20, 20_000, log=True),
            "high_hz": Quantity(48_000, 48_000, 40, 48_000),
        },
    )

    severity: float
    seed: int
    attenuation_db: float
    low_hz: float
    high_hz: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        return too_high(cls.ALLOWED.ranges(parameters)["low_hz"], 0.8 * TOP, profile.rate)

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        high_hz = min(drawn["high_hz"], profile.rate / 2)
        return cls(
            severity=severity,
            seed=0,  # this fault has no noise of its own
            attenuation_db=drawn["attenuation_db"],
            low_hz=min(drawn["low_hz"], 0.8 * high_hz),
            high_hz=high_hz,
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        part = band_part(audio, rate, self.low_hz, min(self.high_hz, rate / 2))
        return added(audio, np.float32(10 ** (-self.severity * self.attenuation_db / 20) - 1) * part)
