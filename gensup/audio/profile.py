"""What a machine's normal sound is: kind, rates, events and band levels, measured once from its training clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, median_low
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import median_filter

from gensup.audio.spectra import mel_filters
from gensup.errors import GensupError

if TYPE_CHECKING:
    from gensup.audio.files import Audio

Kind: TypeAlias = Literal["tonal", "broadband", "impulsive", "intermittent"]
Span: TypeAlias = tuple[int, int]
"""First sample of an event and the first after it."""

FRAME_S, HOPS = 0.032, 4  # frames of 32 ms, a quarter apart: an impact keeps its place to 8 ms
BANDS = 24
CYCLE_HZ = (0.25, 20.0)
SHAFT_HZ = (5.0, 100.0)
MAINS_HZ = (50.0, 60.0, 100.0)  # hum stands in recordings of every machine; a motor slips or is geared and misses it
IMPULSE_S = 0.15  # longer events are strokes and runs, not impacts


@dataclass(frozen=True, slots=True, eq=False)
class SoundProfile:
    """A machine's normal sound. None = no clear line; nothing is guessed. Levels are in dB of full scale (RMS)."""

    kind: Kind
    rate: int  # Hz
    level_db: float
    band_hz: NDArray[np.float64]  # (bands + 1,) edges of mel bands
    band_level_db: NDArray[np.float64]  # (bands,)
    shaft_hz: float | None  # spacing of the harmonics in spectrum or envelope spectrum
    cycle_hz: float | None  # how often the envelope repeats
    events_s: tuple[float, ...]  # onsets in a typical clip: the one with the median number of events; () = no events
    event_ms: float | None  # typical length of an event


@dataclass(frozen=True, slots=True)
class _Measured:
    level: float  # mean square
    bands: NDArray[np.float64]
    events: tuple[Span, ...]
    shaft_hz: float | None
    cycle_hz: float | None
    tonality: float
    frequencies: NDArray[np.float64]
    spectrum: NDArray[np.float64]


def measure(clips: Sequence[Audio], rate: int) -> SoundProfile:
    """The profile of ``clips`` (channels, samples) of one machine: medians over clips, a rate when most clips have it.

    Raises:
        GensupError: there are no clips.
    """
    if not clips:
        raise GensupError("no clip to measure", rule="a profile is made of a machine's normal clips")
    found = [_measured(_mono(clip), rate) for clip in clips]
    with_events = [one.events for one in found if len(one.events) >= 2]
    events: tuple[Span, ...] = ()
    if 3 * len(with_events) >= 2 * len(found):
        events = sorted(with_events, key=len)[(len(with_events) - 1) // 2]
    lengths_s = [(stop - start) / rate for spans in with_events for start, stop in spans] if events else []
    if lengths_s:
        kind: Kind = "impulsive" if median(lengths_s) < IMPULSE_S else "intermittent"
    else:
        kind = "tonal" if median(one.tonality for one in found) > 0.5 else "broadband"
    bands = np.median([one.bands for one in found], axis=0)
    return SoundProfile(
        kind=kind,
        rate=rate,
        level_db=float(_decibel(np.float64(median(one.level for one in found)))),
        band_hz=_band_edges(rate),
        band_level_db=np.asarray(_decibel(bands)),
        shaft_hz=_agreed([one.shaft_hz for one in found]) or _common_rate(found),
        cycle_hz=_agreed([one.cycle_hz for one in found]),
        events_s=tuple(start / rate for start, _ in events),
        event_ms=1000 * median(lengths_s) if lengths_s else None,
    )


def find_events(audio: Audio, rate: int) -> tuple[Span, ...]:
    """Where a clip (channels, samples) rises above its own background: spans of samples, in order and apart.

    Each mel band is divided by its lower quartile over time, so that a quiet ringing counts as much as a loud hum; the
    mean over bands is an event where it exceeds its own background by 3 dB and by five standard deviations.
    """
    return _events(_envelope_db(_band_power(_mono(audio), rate)), _hop(rate), audio.shape[-1])


def _measured(samples: NDArray[np.float64], rate: int) -> _Measured:
    power = _band_power(samples, rate)
    envelope_db = _envelope_db(power)
    frequencies, spectrum = _welch(samples, rate)
    return _Measured(
        level=float(np.mean(samples**2)),
        bands=power.mean(axis=0),
        events=_events(envelope_db, _hop(rate), len(samples)),
        shaft_hz=_harmonic_rate(spectrum, frequencies) or _envelope_rate(samples, rate),
        cycle_hz=_cycle_rate(envelope_db, rate / _hop(rate)),
        tonality=_tonality(spectrum),
        frequencies=frequencies,
        spectrum=spectrum,
    )


# ---------------------------------------------------------------- events


def _band_power(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """(frames, BANDS) mean square of each band in each frame."""
    size, hop = HOPS * _hop(rate), _hop(rate)
    count = -(-len(samples) // hop)
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    window = np.hanning(size + 1)[:-1]
    spectrum = rfft(np.lib.stride_tricks.sliding_window_view(samples, size)[::hop] * window, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2) @ mel_filters(size // 2 + 1, BANDS, rate)
    # Frame i is centred on sample i * hop. Frames that would reach over an edge repeat the first or last whole one:
    # padding would break every tone off, and that is heard in all bands as a click.
    before = min(HOPS // 2, count - 1)
    power = np.pad(power, ((before, max(0, count - before - len(power))), (0, 0)), mode="edge")[:count]
    return power * (2 / (size * np.sum(window**2)))


def _envelope_db(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames,) level over the background, all bands weighing the same."""
    # Between bursts there may be digital silence; 60 dB under a band's loudest frame nothing is heard any more.
    background = np.maximum(np.quantile(power, 0.25, axis=0), 1e-6 * power.max(axis=0))
    heard = background > 1e-14
    if not heard.any():
        return np.zeros(len(power))
    return np.asarray(_decibel(np.mean(power[:, heard] / background[heard], axis=1)))


def _events(envelope_db: NDArray[np.float64], hop: int, samples: int) -> tuple[Span, ...]:
    # The lower flank alone tells the background's spread: the upper one holds the events.
    low, quarter = np.quantile(envelope_db, [0.025, 0.25])
    deviation = (quarter - low) / 1.286
    background = quarter + 0.674 * deviation
    above = envelope_db > background + max(1.5, 2 * deviation)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]]).astype(np.int8)))
    spans: list[list[int]] = []
    for start, stop in edges.reshape(-1, 2).tolist():
        if envelope_db[start:stop].max() <= background + max(3.0, 5 * deviation):
            continue
        if spans and start - spans[-1][1] <= 1:
            spans[-1][1] = stop
        else:
            spans.append([start, stop])
    # Frames are centred: half a hop on either side belongs to the event.
    return tuple(
        (max(0, start * hop - hop // 2), min(samples, stop * hop - hop // 2))
        for start, stop in spans
        if stop * hop - hop // 2 > 0
    )


# ---------------------------------------------------------------- rates


def _cycle_rate(envelope_db: NDArray[np.float64], frame_hz: float) -> float | None:
    """The shortest lag at which the envelope is like itself again, from its autocorrelation."""
    n = len(envelope_db)
    shortest, longest = 3, min(int(frame_hz / CYCLE_HZ[0]), n // 2)
    centred = np.clip(envelope_db, None, np.quantile(envelope_db, 0.98)) - envelope_db.mean()
    if longest <= shortest + 2 or not centred.any():
        return None
    size = next_fast_len(2 * n, real=True)
    spectrum = rfft(centred, size)
    power = spectrum.real**2 + spectrum.imag**2
    products = irfft(power, size)[: longest + 1]
    likeness = products / products[0] * n / (n - np.arange(longest + 1))
    inner = likeness[1:-1]
    peaks = 1 + np.flatnonzero((inner >= likeness[:-2]) & (inner > likeness[2:]))
    # An envelope that only drifts is like itself at every short lag: the likeness has to fall before it comes back.
    peaks = peaks[peaks >= shortest]
    rises = np.minimum(likeness, likeness - np.minimum.accumulate(likeness))[peaks]
    if not len(peaks) or rises.max() < 0.3:
        return None
    # Every multiple of the cycle is a peak as well, now a little higher, now a little lower.
    lag = int(peaks[rises >= 0.85 * rises.max()][0])
    exact = lag + _vertex(likeness[lag - 1 : lag + 2])
    # A fast throb may be most like itself a few turns later, where frames happen to fall alike; its line tells.
    for turns in range(1, 9):
        line = round(turns * size / exact)
        if power[max(1, line - 2) : line + 3].max(initial=0) >= 0.1 * power[1:].max():
            cycle_hz = turns * frame_hz / exact
            return cycle_hz if cycle_hz <= CYCLE_HZ[1] else None
    return None


def _common_rate(found: Sequence[_Measured]) -> float | None:
    """A fundamental that the clips show together: their median spectrum keeps what is in all of them."""
    longest = max(len(one.spectrum) for one in found)
    whole = [one for one in found if len(one.spectrum) == longest]
    return _harmonic_rate(np.median([one.spectrum for one in whole], axis=0), whole[0].frequencies)


def _envelope_rate(samples: NDArray[np.float64], rate: int) -> float | None:
    """Spacing of the harmonics in the spectrum of the squared signal (Randall & Antoni, MSSP 25, 2011)."""
    block = max(1, rate // 2000)
    energy = np.square(samples[: len(samples) // block * block]).reshape(-1, block).mean(axis=1)
    if not energy.any():
        return None
    frequencies, spectrum = _welch(energy - energy.mean(), rate / block)
    return _harmonic_rate(spectrum, frequencies)


def _harmonic_rate(spectrum: NDArray[np.float64], frequencies: NDArray[np.float64]) -> float | None:
    """The fundamental whose first ten multiples stand out most above the spectrum around them; None when none does.

    Score: sum of the excess over harmonics (0 to 15 dB each) by the root of their number, so that neither half nor
    twice the fundamental wins. Clear means six deviations above the candidates' median, and three of the first four
    lines 6 dB high.
    """
    if len(spectrum) < 64 or not spectrum.any():
        return None
    step = float(frequencies[1])
    level = _decibel(spectrum)
    excess = level - median_filter(level, size=max(9, int(40 / step) | 1), mode="nearest")
    # A fundamental between two bins, and a window's main lobe: the highest of three neighbours.
    lines = np.clip(np.maximum(excess, np.maximum(np.roll(excess, 1), np.roll(excess, -1))), 0, 15)
    candidates = np.arange(SHAFT_HZ[0], min(SHAFT_HZ[1], frequencies[-1] / 4), step / 10)
    multiples = np.outer(candidates, np.arange(1, 11))
    bins = np.rint(multiples / step).astype(np.int64)
    inside = bins < len(lines)
    heights = np.where(inside, lines[np.minimum(bins, len(lines) - 1)], 0)
    scores = heights.sum(axis=1) / np.sqrt(inside.sum(axis=1))
    # The lower flank alone tells the spread: the upper one holds the fundamental's fractions and multiples.
    low, middle = np.quantile(scores, [0.16, 0.5])
    whole = np.count_nonzero(heights[:, :4] > 6, axis=1) >= 3
    best = int(np.argmax(np.where(whole, scores, 0)))
    if not whole[best] or scores[best] <= middle + 6 * (middle - low):
        return None
    # Neighbouring candidates hit the same bins: the middle of the plateau is the best guess.
    plateau = np.flatnonzero(scores >= scores[best] - 1e-9)
    found = float(candidates[plateau[np.abs(candidates[plateau] - candidates[best]) < step]].mean())
    return None if min(abs(found - hum) for hum in MAINS_HZ) < 0.2 else found


# ---------------------------------------------------------------- helpers


def _tonality(spectrum: NDArray[np.float64]) -> float:
    """Share of the energy that lies in lines 9 dB above the spectrum around them."""
    around = median_filter(spectrum, size=41, mode="nearest")
    total = float(spectrum.sum())
    return float(spectrum[spectrum > 8 * around].sum()) / total if total else 0.0


def _welch(samples: NDArray[np.float64], rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and mean power spectrum of two-second Hann windows, half overlapping (the whole clip if shorter)."""
    size = min(len(samples), round(2 * rate))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: max(1, size // 2)]
    spectrum = rfft(frames * np.hanning(size + 1)[:-1], axis=1)
    power = np.mean(spectrum.real**2 + spectrum.imag**2, axis=0)
    return np.arange(len(power)) * rate / size, power


def _agreed(values: Sequence[float | None]) -> float | None:
    """The median of what was found, as one of the values found; None when most clips show nothing."""
    clear = [value for value in values if value is not None]
    return median_low(clear) if 2 * len(clear) > len(values) else None


def _mono(audio: Audio) -> NDArray[np.float64]:
    return np.asarray(audio.mean(axis=0, dtype=np.float64))


def _hop(rate: int) -> int:
    return max(1, round(FRAME_S * rate / HOPS))


def _band_edges(rate: int) -> NDArray[np.float64]:
    top = 2595 * np.log10(1 + rate / 1400)
    return np.asarray(700 * (10 ** (np.linspace(0, top, BANDS + 1) / 2595) - 1))


def _decibel(power: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-15)))


def _vertex(three: NDArray[np.float64]) -> float:
    """Where the parabola through three neighbouring values peaks, relative to the middle one."""
    left, middle, right = three.tolist()
    bend = left - 2 * middle + right
    return 0.5 * (left - right) / bend if bend else 0.0
