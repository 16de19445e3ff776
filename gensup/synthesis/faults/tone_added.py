"""Whistling, whining and humming: a tone, with or without harmonics, beside everything the machine sounds like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gensup.synthesis.machine_rate import LOCKS, locked_rate
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import TOP, added, band_level
from gensup.synthesis.tones import harmonics, harmonics_below, wandering

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneAdded:
    """A tone whose pitch wanders, ``x + severity * tone``, the same at every microphone.

    A jet over an edge whistles at about a fifth of its speed over its width, a phase that is missing hums at twice the
    mains. ``level_db`` is the RMS of the nominal tone with its harmonics over the clip's own background RMS from half
    an octave below it to half an octave above the highest harmonic, ``tilt_db`` how they fall an octave;
    ``wander_percent`` is how far the pitch goes (SD), ``wander_hz`` how fast.
    """

    name: ClassVar[str] = "tone-added"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "tone-added",
        {
            "rate_hz": Quantity(800, 4000, 1, 20_000, log=True),
            "per_turn": Quantity(1, 1, 0.1, 200),
            "harmonics": Quantity(1, 1, 1, 40),
            "tilt_db": Quantity(-9, -6, -24, 24),
            "wander_percent": Quantity(0.2, 0.8, 0, 20),
            "wander_hz": Quantity(1, 5, 0.1, 50, log=True),
            "phase_turns": Quantity(0, 1, 0, 1),
            "level_db": Quantity(-3, 1, -40, 40),
        },
        {"timing": ("drawn", *LOCKS)},
    )

    severity: float
    seed: int
    rate_hz: float
    harmonics: int
    tilt_db: float
    wander_percent: float
    wander_hz: float
    phase_turns: float
    level_db: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        lowest, _ = cls.ALLOWED.ranges(parameters)["rate_hz"]
        drawn = cls.ALLOWED.word(parameters, "timing") == "drawn"
        too_high = drawn and lowest > TOP * profile.rate
        return f"its pitch is above {lowest:g} Hz, too high for {profile.rate} Hz" if too_high else None

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        rate_hz = locked_rate(profile, cls.ALLOWED.word(parameters, "timing"), drawn["rate_hz"]) * drawn["per_turn"]
        return cls(
            severity=severity,
            seed=fresh_seed(rng),
            rate_hz=min(rate_hz, TOP * profile.rate),
            harmonics=round(drawn["harmonics"]),
            tilt_db=drawn["tilt_db"],
            wander_percent=drawn["wander_percent"],
            wander_hz=drawn["wander_hz"],
            phase_turns=drawn["phase_turns"],
            level_db=drawn["level_db"],
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        samples = audio.shape[1]
        count = harmonics_below(rate, self.rate_hz, self.harmonics)
        slow = wandering(samples, rate, self.wander_hz, np.random.default_rng(self.seed))
        pitch_hz = self.rate_hz * np.maximum(1 + self.wander_percent / 100 * slow, 0)
        falling = np.arange(1, count + 1) ** (self.tilt_db / (20 * np.log10(2)))
        # Sines of RMS one together.
        tone = harmonics(np.cumsum(pitch_hz) / rate + self.phase_turns, falling / np.sqrt(np.sum(falling**2) / 2))
        level = band_level(audio, rate, self.rate_hz / 2**0.5, min(count * self.rate_hz * 2**0.5, rate / 2))
        return added(audio, self.severity * 10 ** (self.level_db / 20) * level * tone)
