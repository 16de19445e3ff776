"""Another speed: what turns and strikes does so faster, slower or unsteadily, in a body that stays the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import added
from gensup.synthesis.spectra import body_db, through
from gensup.synthesis.tones import wandering
from gensup.synthesis.warping import prolonged, read_at

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


RATIOS = (2 / 3, 3 / 2)
SMOOTH_OCTAVES = 1 / 8
MOST_DB = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange:
    """The clip read at another speed, in the smooth spectrum it had before.

    faster, slower: at 1 +- ``severity * change_percent``, from 2/3 to 3/2; flutter: at a speed that wanders by as much
    (SD), no faster than ``wander_hz``, and comes back. Lines and strokes follow the speed; resonances and flow noise
    do not: the smooth spectrum, lines taken out, is put back, 20 dB either way at most. The power goes with the speed's
    ``speed_exponent`` (Bies & Hansen: five to six for fans). What is missing at the end of a clip that runs faster goes
    on from its begin, where that is most like its end. At severity 0 nothing is read anew: the input comes back.
    """

    name: ClassVar[str] = "rate-change"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "rate-change",
        {
            "change_percent": Quantity(4, 8, 0.05, 50),
            "speed_exponent": Quantity(0, 0, 0, 6),
            "wander_hz": Quantity(0.5, 3, 0.1, 20, log=True),
        },
        {"direction": ("either", "faster", "slower", "flutter")},
    )

    severity: float
    seed: int
    direction: str
    change_percent: float
    speed_exponent: float
    wander_hz: float

    def __post_init__(self) -> None:
        checked_severity(self.severity)

    @classmethod
    def inapplicable(cls, profile: SoundProfile, parameters: Params) -> str | None:
        cls.ALLOWED.ranges(parameters)
        hears = profile.shaft_hz or profile.cycle_hz or profile.events_s or profile.kind != "broadband"
        return None if hears else "its normal clips show no tone, turn or event that a speed could change"

    @classmethod
    def draw(cls, profile: SoundProfile, parameters: Params, severity: float, rng: np.random.Generator) -> Self:
        drawn = cls.ALLOWED.numbers(parameters, rng)
        direction = cls.ALLOWED.word(parameters, "direction")
        either = ("faster", "slower")[int(rng.integers(2))]
        return cls(
            severity=severity,
            seed=fresh_seed(rng),
            direction=either if direction == "either" else direction,
            change_percent=drawn["change_percent"],
            speed_exponent=drawn["speed_exponent"],
            wander_hz=drawn["wander_hz"],
        )

    @property
    def ratio(self) -> float:
        """The speed over the normal one; of a flutter, its mean."""
        sign = {"faster": 1, "slower": -1, "flutter": 0}[self.direction]
        return float(np.clip(1 + sign * self.severity * self.change_percent / 100, *RATIOS))

    def apply(self, audio: Audio, rate: int) -> Audio:
        samples = audio.shape[1]
        if not self.severity:
            return audio.copy()
        if self.direction == "flutter":
            slow = wandering(samples, rate, self.wander_hz, np.random.default_rng(self.seed))
            swing = min(self.severity * self.change_percent / 100, 1 - RATIOS[0])
            ahead = np.cumsum(np.clip(swing * slow, RATIOS[0] - 1, RATIOS[1] - 1))
            # At the clip's end it is where it would have been.
            places = np.arange(samples) + ahead - ahead[-1] * np.arange(1, samples + 1) / samples
            moved = read_at(audio, np.clip(places, 0.0, samples - 1.0))
        else:
            places = self.ratio * np.arange(samples, dtype=np.float64)
            moved = read_at(prolonged(audio, int(places[-1]) + 2, rate), places)
        frequencies, before = body_db(audio, rate, SMOOTH_OCTAVES)
        _, after = body_db(moved, rate, SMOOTH_OCTAVES)
        louder_db = 10 * self.speed_exponent * np.log10(self.ratio)
        back_db = np.clip(before - after, -MOST_DB, MOST_DB) + louder_db
        return added(
            moved, through(moved, rate, lambda hz: np.array([np.interp(hz, frequencies, gain) for gain in back_db]))
        )
