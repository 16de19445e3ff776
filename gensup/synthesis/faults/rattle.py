"""Rattling: something loose is shaken, and strikes at random for a moment, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gensup.synthesis.impacts import enough, rung, slipping, train
from gensup.synthesis.machine_rate import LOCKS, locked_rate
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import TOP, added, too_high

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


MOST = 64  # impacts of one burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Rattle:
    """Bursts of random impacts at a rate, ``x + severity * train * ring``: a cluster process (Neyman & Scott, 1958).

    A burst holds a Poisson number of impacts, ``impacts`` on average; their delays after its begin are exponential
    with a mean of ``burst_ms``, their strengths exponential. Levels are as in ``event-added``, for bursts.
    """

    name: ClassVar[str] = "rattle"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "rattle",
        {
            "rate_hz": Quantity(1, 6, 0.05, 200, log=True),
            "per_turn": Quantity(1, 1, 0.1, 20),
            "slip_percent": Quantity(3, 8, 0, 20),
            "phase_turns": Quantity(0, 1, 0, 1),
            "impacts": Quantity(4, 12, 1, 40, log=True),
            "burst_ms": Quantity(20, 80, 1, 1000, log=True),
            "ring_hz": Quantity(800, 5000, 50, 20_000, log=True),
            "second_ratio": Quantity(1.4, 2.6, 1.1, 6),
            "decay_ms": Quantity(1, 6, 0.3, 200, log=True),
            "level_db": Quantity(11, 17, -20, 60),
        },
        {"timing": (*LOCKS, "drawn")},
    )

    severity: float
    seed: int
    rate_hz: float
    slip_percent: float
    phase_turns: float
    impacts: float
    burst_ms: float
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
        return cls(
            severity=severity,
            seed=fresh_seed(rng),
            rate_hz=locked_rate(profile, cls.ALLOWED.word(parameters, "timing"), drawn["rate_hz"]) * drawn["per_turn"],
            slip_percent=drawn["slip_percent"],
            phase_turns=drawn["phase_turns"],
            impacts=drawn["impacts"],
            burst_ms=drawn["burst_ms"],
            ring_hz=min(drawn["ring_hz"], TOP * profile.rate),
            second_ratio=drawn["second_ratio"],
            decay_ms=drawn["decay_ms"],
            level_db=drawn["level_db"],
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        samples = audio.shape[1]
        rng = np.random.default_rng(self.seed)
        bursts = enough(samples, rate, self.rate_hz)
        starts_s = slipping(rng.standard_normal(bursts), self.rate_hz, self.slip_percent, self.phase_turns)
        delays, strengths = rng.standard_exponential((2, bursts, MOST))
        there = np.arange(MOST) < np.maximum(rng.poisson(self.impacts, bursts), 1)[:, None]
        times_s = starts_s[:, None] + self.burst_ms / 1000 * delays
        sound = rung(
            audio,
            rate,
            train(times_s[there], strengths[there], samples, rate),
            ring_hz=self.ring_hz,
            second_ratio=self.second_ratio,
            decay_ms=self.decay_ms,
            level_db=self.level_db,
            per_second=self.rate_hz,
        )
        return added(audio, self.severity * sound)
