"""Knocks, clacks and clicks: impacts that ring at a resonance, once or more per turn or at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.synthesis.impacts import enough, rung, slipping, train
from gensup.synthesis.machine_rate import LOCKS, locked_rate
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import TOP, added, too_high

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


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
        return too_high(cls.ALLOWED.ranges(parameters)["ring_hz"], TOP, profile.rate)

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
        sound = rung(
            audio,
            rate,
            self._train(audio.shape[1], rate),
            ring_hz=self.ring_hz,
            second_ratio=self.second_ratio,
            decay_ms=self.decay_ms,
            level_db=self.level_db,
            per_second=self.rate_hz,
        )
        return added(audio, self.severity * sound)

    def _train(self, samples: int, rate: int) -> NDArray[np.float64]:
        rng = np.random.default_rng(self.seed)
        count = (enough(samples, rate, self.rate_hz), 2)
        # Waits and strengths alternate, so that a longer clip goes on where a shorter one ended.
        if self.regular:
            draws = rng.standard_normal(count)
            times_s = slipping(draws[:, 0], self.rate_hz, self.slip_percent, self.phase_turns)
            strengths = 10 ** (draws[:, 1] / 20)  # 1 dB from impact to impact
        else:
            waits, strengths = rng.standard_exponential(count).T
            times_s = np.cumsum(waits) / self.rate_hz
        return train(times_s, strengths, samples, rate)
