"""Squealing: dry surfaces stick and slip while they move, a saw-toothed oscillation rich in harmonics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from gensup.synthesis.impacts import enough, slipping, train
from gensup.synthesis.machine_rate import LOCKS, locked_rate
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import TOP, added, band_level
from gensup.synthesis.tones import harmonics, harmonics_below, wandering

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


MOST_HARMONICS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class StickSlip:
    """Bursts of a relaxation oscillation, ``x + severity * bursts * saw``.

    Force builds up while the surfaces stick and falls at once when they slip (Persson, Sliding Friction, 2000): a saw,
    the k-th harmonic 1 / k as strong as the first. Its pitch goes with the sliding speed, which wanders by
    ``wander_percent`` (SD). Bursts swell and fade as sin^2 over ``burst_ms``. ``level_db`` is the RMS at the height
    of a nominal burst over the clip's own background RMS from half an octave below the squeal upwards.
    """

    name: ClassVar[str] = "stick-slip"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "stick-slip",
        {
            "rate_hz": Quantity(0.5, 3, 0.05, 50, log=True),
            "per_turn": Quantity(1, 1, 0.1, 20),
            "slip_percent": Quantity(3, 8, 0, 20),
            "phase_turns": Quantity(0, 1, 0, 1),
            "burst_ms": Quantity(80, 300, 5, 5000, log=True),
            "squeal_hz": Quantity(700, 2500, 30, 15_000, log=True),
            "wander_percent": Quantity(1, 4, 0, 20),
            "wander_hz": Quantity(4, 12, 0.1, 50, log=True),
            "level_db": Quantity(-2, 2, -40, 40),
        },
        {"timing": (*LOCKS, "random", "drawn")},
    )

    severity: float
    seed: int
    regular: bool
    rate_hz: float
    slip_percent: float
    phase_turns: float
    burst_ms: float
    squeal_hz: float
    wander_percent: float
    wander_hz: float
    level_db: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        lowest, _ = cls.ALLOWED.ranges(parameters)["squeal_hz"]
        return (
            None if lowest <= TOP * profile.rate else f"it squeals above {lowest:g} Hz, too high for {profile.rate} Hz"
        )

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        timing = cls.ALLOWED.word(parameters, "timing")
        return cls(
            severity=severity,
            seed=fresh_seed(rng),
            regular=timing != "random",
            rate_hz=min(locked_rate(profile, timing, drawn["rate_hz"]) * drawn["per_turn"], 50.0),
            slip_percent=drawn["slip_percent"],
            phase_turns=drawn["phase_turns"],
            burst_ms=drawn["burst_ms"],
            squeal_hz=min(drawn["squeal_hz"], TOP * profile.rate),
            wander_percent=drawn["wander_percent"],
            wander_hz=drawn["wander_hz"],
            level_db=drawn["level_db"],
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        samples = audio.shape[1]
        rng = np.random.default_rng(self.seed)
        bursts = self._bursts(samples, rate, rng)
        count = harmonics_below(rate, self.squeal_hz, MOST_HARMONICS)
        speed = np.maximum(1 + self.wander_percent / 100 * wandering(samples, rate, self.wander_hz, rng), 0)
        falling = 1 / np.arange(1, count + 1)
        saw = harmonics(np.cumsum(self.squeal_hz * speed) / rate, falling / np.sqrt(np.sum(falling**2) / 2))
        level = band_level(audio, rate, self.squeal_hz / 2**0.5, rate / 2)
        return added(audio, self.severity * 10 ** (self.level_db / 20) * level * bursts * saw)

    def _bursts(self, samples: int, rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """(samples,) from 0, where nothing slides, to 1."""
        count = enough(samples, rate, self.rate_hz)
        if self.regular:
            times_s = slipping(rng.standard_normal(count), self.rate_hz, self.slip_percent, self.phase_turns)
        else:
            times_s = np.cumsum(rng.standard_exponential(count)) / self.rate_hz
        length = max(2, round(self.burst_ms / 1000 * rate))
        shape = np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
        swell = oaconvolve(train(times_s, np.ones(count), samples, rate), shape)[:samples]
        return np.asarray(np.clip(swell, 0, 1))
