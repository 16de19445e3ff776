"""Knocks, clacks and clicks: impacts that ring at a resonance, once or more per turn or at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from gensup.synthesis.machine_rate import LOCKS, locked_rate
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import TOP, added, band_level, ringing

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params

FULL_STRENGTH_HZ = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAdded:
    """Damped ringing after each impact, ``x + severity * train * ring``.

    Impacts come at the machine's rate with a random slip (Randall & Antoni, MSSP 25, 2011), or as a Poisson process
    with exponential strengths (grit, bubbles). ``level_db`` is the peak of a nominal impact over the clip's own
    background RMS in the octave around the ring, where up to four come a second; more share the power of four.
    """

    name: ClassVar[str] = "event-added"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "event-added",
        {
            "rate_hz": Quantity(2, 10, 0.05, 200, log=True),
            "per_turn": Quantity(1, 1, 0.1, 20),
            "slip_percent": Quantity(1, 2, 0, 20),
            "phase_turns": Quantity(0, 1, 0, 1),
            "ring_hz": Quantity(800, 6000, 50, 20_000, log=True),
            "second_ratio": Quantity(1.4, 2.6, 1.1, 6),
            "decay_ms": Quantity(2, 15, 0.3, 200, log=True),
            "level_db": Quantity(20, 26, -20, 60),
        },
        {"timing": (*LOCKS, "random", "drawn")},
    )

    severity: float
    seed: int
    regular: bool
    rate_hz: float
    slip_percent: float
    phase_turns: float
    ring_hz: float
    second_ratio: float
    decay_ms: float
    level_db: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        lowest, _ = cls.ALLOWED.ranges(parameters)["ring_hz"]
        return None if lowest <= TOP * profile.rate else f"it rings above {lowest:g} Hz, too high for {profile.rate} Hz"

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        timing = cls.ALLOWED.word(parameters, "timing")
        return cls(
            severity=severity,
            seed=fresh_seed(rng),
            regular=timing != "random",
            rate_hz=locked_rate(profile, timing, drawn["rate_hz"]) * drawn["per_turn"],
            slip_percent=drawn["slip_percent"],
            phase_turns=drawn["phase_turns"],
            ring_hz=min(drawn["ring_hz"], TOP * profile.rate),
            second_ratio=drawn["second_ratio"],
            decay_ms=drawn["decay_ms"],
            level_db=drawn["level_db"],
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        samples = audio.shape[1]
        ring_hz = min(self.ring_hz, TOP * rate)
        response = ringing(rate, ring_hz, self.second_ratio, self.decay_ms)
        train = oaconvolve(self._train(samples, rate), response)[:samples]
        level = band_level(audio, rate, ring_hz / 2**0.5, min(ring_hz * 2**0.5, rate / 2)) * 10 ** (self.level_db / 20)
        level *= min(1.0, FULL_STRENGTH_HZ / self.rate_hz) ** 0.5
        return added(audio, self.severity * level * train)

    def _train(self, samples: int, rate: int) -> NDArray[np.float64]:
        """(samples,) the strength of each impact at the sample it falls on."""
        rng = np.random.default_rng(self.seed)
        enough = (int(2 * samples / rate * self.rate_hz) + 20, 2)
        # Waits and strengths alternate, so that a longer clip goes on where a shorter one ended.
        if self.regular:
            draws = rng.standard_normal(enough)
            waits = np.maximum(1 + self.slip_percent / 100 * draws[:, 0], 0.2)
            waits[0] = self.phase_turns
            strengths = 10 ** (draws[:, 1] / 20)  # 1 dB from impact to impact
        else:
            waits, strengths = rng.standard_exponential(enough).T
        places = np.rint(np.cumsum(waits) / self.rate_hz * rate).astype(np.int64)
        inside = places < samples
        train = np.zeros(samples)
        np.add.at(train, places[inside], strengths[inside])
        return train
