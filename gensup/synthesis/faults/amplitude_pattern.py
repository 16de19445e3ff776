"""Uneven strokes: some of the machine's turns are fainter than the others, every n-th or any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gensup.synthesis.machine_rate import LOCKS, locked_rate
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import added

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


FLANK_TURNS = 0.1
LEAST = 0.25  # a clip that is one faint turn has no other to take over


@dataclass(frozen=True, slots=True, kw_only=True)
class AmplitudePattern:
    """``x`` with one of ``of_turns`` turns ``severity * attenuation_db`` lower, over ``share`` of the turn.

    periodic: every ``of_turns``-th turn (a cylinder that does not fire, a missing tooth): lines at that fraction of the
    rate and its multiples come into the envelope. random: each turn with that probability, at least one (misfiring).
    A turn can do no more than fall silent; its flanks are raised cosines, a tenth of it wide. The others do what it no
    longer does: the mean power stays, as a governor or a load that must be moved keeps it.
    """

    name: ClassVar[str] = "amplitude-pattern"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "amplitude-pattern",
        {
            "rate_hz": Quantity(1, 6, 0.05, 200, log=True),
            "per_turn": Quantity(1, 1, 0.1, 20),
            "of_turns": Quantity(2, 3, 2, 20),
            "share": Quantity(0.6, 1, 0.05, 1),
            "phase_turns": Quantity(0, 1, 0, 1),
            "attenuation_db": Quantity(5, 9, 0.5, 60),
        },
        {"timing": (*LOCKS, "drawn"), "pattern": ("periodic", "random")},
    )

    severity: float
    seed: int
    pattern: str
    rate_hz: float
    of_turns: int
    share: float
    phase_turns: float
    attenuation_db: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        cls.ALLOWED.ranges(parameters)
        return None

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        return cls(
            severity=severity,
            seed=fresh_seed(rng),
            pattern=cls.ALLOWED.word(parameters, "pattern"),
            rate_hz=locked_rate(profile, cls.ALLOWED.word(parameters, "timing"), drawn["rate_hz"]) * drawn["per_turn"],
            of_turns=round(drawn["of_turns"]),
            share=drawn["share"],
            phase_turns=drawn["phase_turns"],
            attenuation_db=drawn["attenuation_db"],
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        turns = np.arange(audio.shape[1]) * (self.rate_hz / rate) + self.phase_turns
        place = turns % 1
        inside = np.minimum(place, self.share - place) / min(FLANK_TURNS, self.share / 2)
        gate = 0.5 - 0.5 * np.cos(np.pi * np.clip(inside, 0, 1))
        touched = self._touched(int(turns[-1]) + 1)[turns.astype(np.int64)]
        gain = 1 + (10 ** (-self.severity * self.attenuation_db / 20) - 1) * gate * touched
        return added(audio, (gain / max(np.sqrt(np.mean(gain**2)), LEAST) - 1) * audio)

    def _touched(self, turns: int) -> NDArray[np.bool_]:
        """(turns,) which ones are fainter; the first begins before the clip does."""
        if self.pattern == "periodic":
            return np.asarray(np.arange(turns) % self.of_turns == min(1, turns - 1))
        draws = np.random.default_rng(self.seed).random(turns)
        return np.asarray(draws <= max(1 / self.of_turns, draws.min()))
