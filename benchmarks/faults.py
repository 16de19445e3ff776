"""How fast every fault mechanism is, beside reading and writing the clip that it changes.

    python -m benchmarks.faults [RECORDING]

Draws each mechanism anew and applies it to ten seconds at 16 kHz: a rendered machine that turns, knocks and sings in
noise, or the beginning of a recording. One BLAS thread; the median of several runs, no two on the same samples, so that
nothing is remembered. A mechanism should be 200 times faster than real time on one core, or the faults of a large twin
set cost more than reading it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from gensup.audio.files import Audio, AudioRef, write
from gensup.audio.profile import SoundProfile, measure
from gensup.cli.console import print_table
from gensup.rng import generator
from gensup.synthesis.physical import MECHANISMS

RATE, SECONDS = 16_000, 10
RUNS = 15
AIM = 200


def machine() -> Audio:
    """(1, samples): a shaft's harmonics at 20 Hz, a mesh at 700 Hz, a knock every 400 ms, noise through a body."""
    rng = generator("benchmarks.faults")
    t = np.arange(SECONDS * RATE) / RATE
    clip = 0.01 * np.convolve(rng.standard_normal(len(t)), [1, 0.9, 0.5], mode="same")
    clip += sum(0.02 / k * np.sin(2 * np.pi * 20 * k * t + rng.random()) for k in range(1, 7))
    clip += 0.02 * np.sin(2 * np.pi * 700 * t)
    ring = np.exp(-t[:1600] / 0.01) * np.sin(2 * np.pi * 2000 * t[:1600])
    for start in range(2000, len(t) - 1600, 6400):
        clip[start : start + 1600] += 0.3 * ring
    return np.asarray(clip, dtype=np.float32)[None]


def seconds(task: Callable[[Audio], object], clip: Audio) -> float:
    """Median over runs, each on another clip; the first warms up and does not count."""
    took = []
    for run in range(RUNS + 1):
        other = clip * np.float32(1 - 0.01 * run)
        began = perf_counter()
        task(other)
        took.append(perf_counter() - began)
    return median(took[1:])


def mechanism(name: str, profile: SoundProfile) -> Callable[[Audio], object]:
    """Drawing a fault of the mechanism's default parameters and applying it."""
    kind = MECHANISMS.load(name)
    draws = iter(range(RUNS + 1))
    return lambda clip: kind.draw(profile, {}, 1.0, np.random.default_rng(next(draws))).apply(clip, RATE)


def read_and_write(clip: Audio) -> None:
    """What a clip costs that no fault touches."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        write(path, clip, RATE, "PCM_16")
        AudioRef(path, RATE, "all").read()


def table(clip: Audio) -> list[tuple[str, str, str]]:
    """A row a mechanism: name, milliseconds a clip, times real time."""
    profile = measure([clip], RATE)
    tasks: dict[str, Callable[[Audio], object]] = {name: mechanism(name, profile) for name in MECHANISMS.names()}
    tasks["(reading and writing the clip)"] = read_and_write
    rows = []
    with threadpool_limits(1):
        for name, task in tasks.items():
            took = seconds(task, clip)
            rows.append((name, f"{1000 * took:.1f}", f"{clip.shape[1] / RATE / took:.0f}"))
    return rows


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path, nargs="?")
    words = parser.parse_args()
    clip = AudioRef(words.recording, RATE, 0).read()[:, : SECONDS * RATE] if words.recording else machine()
    rows = table(clip)
    print_table(("mechanism", "ms a clip", "x real time"), rows)
    slow = [name for name, _, ratio in rows if float(ratio) < AIM]
    print(f"\nslower than {AIM} times real time: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
