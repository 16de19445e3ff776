"""Loose contacts: the machine's sound drops out for moments, and sparks when it comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import oaconvolve

from gensup.synthesis.impacts import enough, train
from gensup.synthesis.parameters import Allowed, Quantity, checked_severity, fresh_seed
from gensup.synthesis.shaping import TOP, added, band_level, band_noise

if TYPE_CHECKING:
    from gensup.audio.files import Audio
    from gensup.audio.profile import SoundProfile
    from gensup.synthesis.records import Params


SPARK_MS = 1.5
SPARK_HZ = 2000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout:
    """``x``, ``severity * attenuation_db`` lower for moments at random, and a spark at the end of each.

    Moments begin as a Poisson process and last exponentially long, ``length_ms`` on average; the sound goes and comes
    within ``edge_ms``, and can do no more than go. A spark is noise above 2 kHz that decays within 1.5 ms;
    ``spark_db`` is its nominal peak over the clip's own background RMS there.
    """

    name: ClassVar[str] = "dropout"
    version: ClassVar[int] = 1
    ALLOWED: ClassVar[Allowed] = Allowed(
        "dropout",
        {
            "rate_hz": Quantity(2, 6, 0.05, 50, log=True),
            "length_ms": Quantity(20, 80, 1, 2000, log=True),
            "edge_ms": Quantity(1, 4, 0.1, 100, log=True),
            "attenuation_db": Quantity(6, 12, 0.5, 60),
            "spark_db": Quantity(20, 26, -40, 60),
        },
    )

    severity: float
    seed: int
    rate_hz: float
    length_ms: float
    edge_ms: float
    attenuation_db: float
    spark_db: float

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
            rate_hz=drawn["rate_hz"],
            length_ms=drawn["length_ms"],
            edge_ms=drawn["edge_ms"],
            attenuation_db=drawn["attenuation_db"],
            spark_db=drawn["spark_db"],
        )

    def apply(self, audio: Audio, rate: int) -> Audio:
        samples = audio.shape[1]
        starts_s, stops_s = self._moments(samples, rate)
        off = self._off(starts_s, stops_s, samples, rate)
        lost = (10 ** (-self.severity * self.attenuation_db / 20) - 1) * off * audio
        high_hz = TOP * rate
        low_hz = min(SPARK_HZ, 0.5 * high_hz)
        decay = np.exp(-np.arange(max(2, round(0.007 * rate))) / (SPARK_MS / 1000 * rate))
        flashes = oaconvolve(train(stops_s, np.ones(len(stops_s)), samples, rate), decay)[:samples]
        noise = band_noise(samples, rate, low_hz, high_hz, 0.0, self.seed)
        level = 10 ** (self.spark_db / 20) * band_level(audio, rate, low_hz, high_hz)
        return added(audio, lost + self.severity * level * flashes * noise)

    def _moments(self, samples: int, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """When the sound goes and when it comes back, seconds."""
        waits, lengths = (
            np.random.default_rng(self.seed).standard_exponential((enough(samples, rate, self.rate_hz), 2)).T
        )
        starts_s = np.cumsum(waits) / self.rate_hz
        return starts_s, starts_s + self.length_ms / 1000 * lengths

    def _off(
        self, starts_s: NDArray[np.float64], stops_s: NDArray[np.float64], samples: int, rate: int
    ) -> NDArray[np.float64]:
        """(samples,) 1 while the sound is gone, 0 while it is there."""
        ones = np.ones(len(starts_s))
        depth = np.cumsum(train(starts_s, ones, samples, rate) - train(stops_s, ones, samples, rate))
        gone = np.minimum(np.rint(depth), 1)
        return np.asarray(uniform_filter1d(gone, max(1, round(self.edge_ms / 1000 * rate)), mode="nearest"))
