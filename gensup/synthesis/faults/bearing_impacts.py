"""A rolling bearing's defect: impacts at the rate its geometry gives, stronger where the load is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gensup.synthesis.impacts import enough, rung, slipping, train
from gensup.synthesis.machine_rate import locked_rate
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import TOP, added, too_high

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class BearingImpacts:
    """Damped ringing at a bearing's own rate, ``x + severity * train * ring`` (Randall & Antoni, MSSP 25, 2011).

    With n rollers, r = d / D cos(contact angle) and the shaft at f: the outer race is struck n / 2 (1 - r) f times a
    second (BPFO); the inner one n / 2 (1 + r) f times (BPFI), each impact by ``modulation`` stronger where the shaft
    turns the defect into the load (f); a ball both races, D / d (1 - r^2) f times (twice BSF), as the cage carries it
    round (FTF); a cage knocks (1 - r) f / 2 times (FTF). Every wait slips. Levels are as in ``event-added``.
    """

    name: ClassVar[str] = "bearing-impacts"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "bearing-impacts",
        {
            "rate_hz": Quantity(8, 30, 0.5, 200, log=True),
            "rollers": Quantity(7, 12, 3, 40),
            "diameter_ratio": Quantity(0.15, 0.3, 0.05, 0.6),
            "contact_deg": Quantity(0, 15, 0, 60),
            "slip_percent": Quantity(1, 2, 0, 20),
            "modulation": Quantity(0.5, 0.9, 0, 1),
            "phase_turns": Quantity(0, 1, 0, 1),
            "ring_hz": Quantity(2000, 6000, 50, 20_000, log=True),
            "second_ratio": Quantity(1.4, 2.6, 1.1, 6),
            "decay_ms": Quantity(1, 5, 0.3, 200, log=True),
            "level_db": Quantity(23, 29, -20, 60),
        },
        {"part": ("outer", "inner", "ball", "cage"), "timing": ("shaft", "drawn")},
    )

    severity: float
    seed: int
    part: str
    shaft_hz: float
    rollers: int
    diameter_ratio: float
    contact_deg: float
    slip_percent: float
    modulation: float
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
        return cls(
            severity=severity,
            seed=fresh_seed(rng),
            part=cls.ALLOWED.word(parameters, "part"),
            shaft_hz=locked_rate(profile, cls.ALLOWED.word(parameters, "timing"), drawn["rate_hz"]),
            rollers=round(drawn["rollers"]),
            diameter_ratio=drawn["diameter_ratio"],
            contact_deg=drawn["contact_deg"],
            slip_percent=drawn["slip_percent"],
            modulation=drawn["modulation"],
            phase_turns=drawn["phase_turns"],
            ring_hz=min(drawn["ring_hz"], TOP * profile.rate),
            second_ratio=drawn["second_ratio"],
            decay_ms=drawn["decay_ms"],
            level_db=drawn["level_db"],
        )

    @property
    def cage_hz(self) -> float:
        return self.shaft_hz / 2 * (1 - self._pitch_ratio)

    @property
    def impact_hz(self) -> float:
        ratio = self._pitch_ratio
        per_turn = {
            "outer": self.rollers / 2 * (1 - ratio),
            "inner": self.rollers / 2 * (1 + ratio),
            "ball": (1 - ratio**2) / self.diameter_ratio,
            "cage": (1 - ratio) / 2,
        }
        return self.shaft_hz * per_turn[self.part]

    @property
    def modulation_hz(self) -> float:
        """How often the defect comes through the load zone; 0 for one that always or never stands in it."""
        return {"inner": self.shaft_hz, "ball": self.cage_hz}.get(self.part, 0.0)

    @property
    def _pitch_ratio(self) -> float:
        return self.diameter_ratio * float(np.cos(np.radians(self.contact_deg)))

    def apply(self, audio: Audio, rate: int) -> Audio:
        samples = audio.shape[1]
        draws = np.random.default_rng(self.seed).standard_normal((enough(samples, rate, self.impact_hz), 2))
        times_s = slipping(draws[:, 0], self.impact_hz, self.slip_percent, self.phase_turns)
        strengths = 10 ** (draws[:, 1] / 20)  # 1 dB from impact to impact
        if self.modulation_hz:
            strengths *= 1 + self.modulation * np.cos(2 * np.pi * (self.modulation_hz * times_s + self.phase_turns))
        sound = rung(
            audio,
            rate,
            train(times_s, strengths, samples, rate),
            ring_hz=self.ring_hz,
            second_ratio=self.second_ratio,
            decay_ms=self.decay_ms,
            level_db=self.level_db,
            per_second=self.impact_hz,
        )
        return added(audio, self.severity * sound)
