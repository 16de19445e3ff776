"""Wobbling and throbbing: the machine's sound grows and shrinks with its own turning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gensup.synthesis.machine_rate import LOCKS, locked_rate
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity
from gensup.synthesis.shaping import TOP, added, band_part, too_high

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeModulation:
    """Amplitude modulation of a band, ``x + depth * wave * band(x)``.

    The wave is the turning rate and, by ``second_share``, twice it (a bent shaft), its peak one. ``depth`` times
    severity stops at one: there the band is silent once a turn. The mean amplitude stays, so the power grows by half
    the squared depth: sidebands come beside the carrier, which loses nothing (McFadden, MSSP 1, 1986).
    """

    name: ClassVar[str] = "envelope-modulation"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "envelope-modulation",
        {
            "rate_hz": Quantity(1, 8, 0.05, 200, log=True),
            "per_turn": Quantity(1, 1, 0.1, 20),
            "depth": Quantity(0.5, 0.8, 0.01, 1),
            "second_share": Quantity(0, 0.3, 0, 1),
            "phase_turns": Quantity(0, 1, 0, 1),
            "low_hz": Quantity(0, 0, 0, 20_000),
            "high_hz": Quantity(48_000, 48_000, 40, 48_000),
        },
        {"timing": (*LOCKS, "drawn")},
    )

    severity: float
    seed: int
    rate_hz: float
    depth: float
    second_share: float
    phase_turns: float
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
            rate_hz=locked_rate(profile, cls.ALLOWED.word(parameters, "timing"), drawn["rate_hz"]) * drawn["per_turn"],
            depth=drawn["depth"],
            second_share=drawn["second_share"],
            phase_turns=drawn["phase_turns"],
            low_hz=min(drawn["low_hz"], 0.8 * high_hz),
            high_hz=high_hz,
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        turns = np.arange(audio.shape[1]) * (self.rate_hz / rate) + self.phase_turns
        wave = np.cos(2 * np.pi * turns) + self.second_share * np.cos(4 * np.pi * turns)
        depth = min(1.0, self.severity * self.depth) / (1 + self.second_share)
        whole = self.low_hz <= 0 and self.high_hz >= rate / 2
        part = audio if whole else band_part(audio, rate, self.low_hz, min(self.high_hz, rate / 2))
        return added(audio, depth * wave * part)
