"""What changes a recording and is no fault: copies of a normal twin that are as normal as it is.

Another distance, another microphone, another hall. As negatives of every exam they stop selection from rewarding a
detector that only measures level, colour or noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from gensup.rng import digest, seed
from gensup.synthesis.noise_floor import lowered, raised
from gensup.synthesis.shaping import added
from gensup.synthesis.spectra import through

if TYPE_CHECKING:
    from gensup.audio.files import Audio

PIVOT_HZ, LOWEST_HZ = 1000.0, 20.0
GAIN_DB = 3.0
TILT_DB_PER_OCTAVE = 0.5
FLOOR_DB = 3.0


class Nuisance(Protocol):
    """A frozen dataclass of physical quantities; at 0 dB the input comes back bit for bit."""

    version: ClassVar[int]  # raise it when the sound changes

    @property
    def name(self) -> str:
        """What it does, with the unit: "gain+3dB"."""
        ...

    def apply(self, audio: Audio, rate: int) -> Audio:
        """The copy of ``audio`` (channels, samples): same shape and type; never writes to its input."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """All of the sound ``gain_db`` louder: a microphone nearer by, or another amplifier."""

    version: ClassVar[int] = 1

    gain_db: float

    @property
    def name(self) -> str:
        return f"gain{self.gain_db:+g}dB"

    def apply(self, audio: Audio, rate: int) -> Audio:
        return np.asarray(audio * np.float32(10 ** (self.gain_db / 20)), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tilt:
    """``db_per_octave`` about 1 kHz, without phase: another microphone of the kind, or the same one turned.

    Half a decibel is small: three octaves from 1 kHz it is 1.5 dB, half of the gain, and a nominal fault of the
    mechanism spectral-tilt is four to seven times as steep.
    """

    version: ClassVar[int] = 1

    db_per_octave: float

    @property
    def name(self) -> str:
        return f"tilt{self.db_per_octave:+g}dB/octave"

    def apply(self, audio: Audio, rate: int) -> Audio:
        def gain_db(hz: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(self.db_per_octave * np.log2(np.maximum(hz, LOWEST_HZ) / PIVOT_HZ))

        return added(audio, through(audio, rate, gain_db))


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The noise between the machine's tones and events ``floor_db`` louder, by added noise, or softer, by a filter.

    What stands well above the noise stays: a noisier or a quieter hall, not a nearer machine.
    """

    version: ClassVar[int] = 1

    floor_db: float
    seed: int  # of the added noise

    @property
    def name(self) -> str:
        return f"floor{self.floor_db:+g}dB"

    def apply(self, audio: Audio, rate: int) -> Audio:
        if self.floor_db > 0:
            return added(audio, raised(audio, rate, self.floor_db, self.seed))
        return added(audio, lowered(audio, rate, self.floor_db))


def nuisances(twin: str) -> dict[str, Nuisance]:
    """All that is done to the normal twin of this id, by the id of the copy."""
    kinds: tuple[Nuisance, ...] = (
        Gain(gain_db=GAIN_DB),
        Gain(gain_db=-GAIN_DB),
        Tilt(db_per_octave=TILT_DB_PER_OCTAVE),
        Tilt(db_per_octave=-TILT_DB_PER_OCTAVE),
        Floor(floor_db=FLOOR_DB, seed=seed("nuisance", twin, "floor-raised")),
        Floor(floor_db=-FLOOR_DB, seed=0),
    )
    return {digest("nuisance", twin, kind.name, kind.version): kind for kind in kinds}
