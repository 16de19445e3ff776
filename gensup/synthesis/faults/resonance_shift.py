"""Detuned: a loose or cracked body whose resonances move while what drives them stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.synthesis.parameters import Allowed, Quantity, checked_severity
from gensup.synthesis.shaping import TOP, added, too_high
from gensup.synthesis.spectra import body_db, through

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


MOST_DB = 20.0
MOST_PERCENT = 40.0
SMOOTH_OCTAVES = 1 / 16
FLANK_OCTAVES = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ResonanceShift:
    """The smooth spectrum between two frequencies moves by ``severity * shift_percent``; lines keep their place.

    Each clip's own smooth spectrum E, lines taken out, says where it resonates; the gain is E(f / (1 + shift)) / E(f),
    20 dB either way at most. Stiffness lost in a crack or a joint lowers a mode by half its share. The shift stops at
    40 %. A body without resonances stays as it is.
    """

    name: ClassVar[str] = "resonance-shift"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "resonance-shift",
        {
            "shift_percent": Quantity(8, 14, 0.1, 40),
            "low_hz": Quantity(150, 400, 20, 20_000, log=True),
            "high_hz": Quantity(48_000, 48_000, 40, 48_000),
        },
        {"direction": ("lower", "higher")},
    )

    severity: float
    seed: int
    direction: str
    shift_percent: float
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
        # Above it lies what the recorder's filter left, no body of the machine.
        high_hz = min(drawn["high_hz"], TOP * profile.rate)
        return cls(
            severity=severity,
            seed=0,  # this fault has no noise of its own
            direction=cls.ALLOWED.word(parameters, "direction"),
            shift_percent=drawn["shift_percent"],
            low_hz=min(drawn["low_hz"], 0.8 * high_hz),
            high_hz=high_hz,
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        shift = min(self.severity * self.shift_percent, MOST_PERCENT) / 100
        moved = 1 - shift if self.direction == "lower" else 1 + shift
        frequencies, body = body_db(audio, rate, SMOOTH_OCTAVES)

        def gain_db(hz: NDArray[np.float64]) -> NDArray[np.float64]:
            octaves = np.log2(np.maximum(hz, 1.0))
            inside = np.minimum(octaves - np.log2(self.low_hz), np.log2(self.high_hz) - octaves) / FLANK_OCTAVES
            gains = [np.interp(hz / moved, frequencies, level) - np.interp(hz, frequencies, level) for level in body]
            return np.asarray(np.clip(inside, 0, 1) * np.clip(gains, -MOST_DB, MOST_DB))

        return added(audio, through(audio, rate, gain_db))
