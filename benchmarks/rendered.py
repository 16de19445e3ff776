"""Two machines that exist as physics alone, rendered as a DCASE-shaped data set: to try gensup on without a download.

RotaryBlower turns: shaft orders, blade passing, a gear mesh, and flow noise through a resonant casing. ClickValve
strikes: an opening and a closing impact a cycle, each ringing at its seat's modes, and a hiss while it is open. Both
stand in a room with noise, and by the blower people work. Every clip simulates the machine anew; a fault is another
machine: another speed, mesh, mode or friction, never a sound that is mixed in afterwards. A study on these recordings
that would not grade its own answers withholds the mechanisms that are like them (``benchmarks.demo.WITHHELD``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.io import wavfile
from scipy.signal import oaconvolve

from gensup.clip import Domain
from gensup.rng import generator

Signal: TypeAlias = NDArray[np.float64]
"""(samples,) sound pressure, full scale 1."""

GRADES = (0.3, 0.6, 1.0)  # how far a fault has gone
TARGET_ROOM_DB = 4.0  # the target domain's room is louder


class Machine(Protocol):
    """What can be simulated."""

    def sound(self, rng: np.random.Generator, samples: int, rate: int) -> Signal:
        """One clip of the machine running, without its room."""
        ...


Setting: TypeAlias = tuple[tuple[str, str], ...]
"""Attributes as in a file name, in order."""
Fault: TypeAlias = Callable[[Machine, float, np.random.Generator], Machine]
"""A machine, how far the fault has gone, and chance: the broken machine."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A machine type: how it is set in each domain, and how it breaks."""

    build: Callable[[Mapping[str, str]], Machine]
    settings: Mapping[Domain, tuple[Setting, ...]]
    faults: tuple[Fault, ...]
    room_db: float  # level of the room's noise, dB of full scale (RMS)
    bangs_hz: float  # how often something is dropped in the room


# ---------------------------------------------------------------- the rotating machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Blower:
    """A geared centrifugal blower. Levels follow Bies & Hansen, Engineering Noise Control: flow noise 50 lg speed."""

    shaft_hz: float
    load: float  # 0 to 1: presses the teeth together
    blades: int = 7
    teeth: int = 29
    mesh_error: float = 0.15  # phase of the mesh, radians, wandering once a turn
    casing_hz: tuple[float, float, float] = (410.0, 1150.0, 2600.0)
    whine: float = 0.0  # amplitude of a dry bearing's self-excited tone
    whine_hz: float = 3000.0

    def sound(self, rng: np.random.Generator, samples: int, rate: int) -> Signal:
        wander = 1 + 0.003 * _slow(rng, samples, rate, 2.0) + 0.006 * rng.standard_normal()
        turns = np.cumsum(self.shaft_hz * wander) / rate + rng.random()
        pushed = (self.shaft_hz / 22) ** 2.5  # dipole: amplitude with the speed's 2.5th power
        forces = sum(
            (_tone(turns * order, rng) * 0.010 / order for order in (1, 2, 3)),
            start=sum(
                (_tone(turns * self.blades * k, rng) * 0.020 * pushed / k**1.3 for k in (1, 2, 3, 4)),
                start=np.zeros(samples),
            ),
        )
        error = self.mesh_error * np.sin(2 * np.pi * turns + 2 * np.pi * rng.random())
        for k in (1, 2, 3):
            mesh = np.cos(2 * np.pi * self.teeth * k * turns + k * error + 2 * np.pi * rng.random())
            forces += mesh * (0.004 + 0.008 * self.load) / k
        flow = _shaped(rng.standard_normal(samples), rate, lambda f: 1 / (1 + (f / 700) ** 1.2))
        flow *= 0.05 * pushed * (1 + 0.1 * np.cos(2 * np.pi * self.blades * turns))
        # A dry bearing sings at its own pitch, not at the shaft's.
        singing = np.sin(2 * np.pi * np.cumsum(self.whine_hz * (1 + 0.004 * _slow(rng, samples, rate, 6.0))) / rate)
        return _shaped(forces + flow + self.whine * singing, rate, lambda f: _modes(f, self.casing_hz, damping=0.05))


def _blower(setting: Mapping[str, str]) -> Blower:
    return Blower(shaft_hz=14 + 4.0 * int(setting["spd"]), load=int(setting["load"]) / 100)


def _another_speed(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Blower)
    return replace(machine, shaft_hz=machine.shaft_hz * (1 - rng.choice([-1, 1]) * 0.035 * grade))


def _whine(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Blower)
    return replace(machine, whine=0.0025 * grade, whine_hz=rng.uniform(2200, 4200))


def _worn_mesh(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Blower)
    return replace(machine, mesh_error=0.15 + 1.0 * grade)


def _loose_casing(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Blower)
    first, second, third = machine.casing_hz
    return replace(machine, casing_hz=(first, second * (1 - 0.05 * grade), third * (1 - 0.03 * grade)))


# ---------------------------------------------------------------- the impulsive machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Valve:
    """A solenoid valve. Impact: A exp(-zeta w t) sin(w t) a mode (Randall & Antoni, MSSP 25, 2011)."""

    cycle_hz: float
    open_share: float  # of a cycle
    opening_hz: tuple[float, float] = (1350.0, 3900.0)
    closing_hz: tuple[float, float] = (2300.0, 5200.0)
    damping: float = 0.03
    squeal: float = 0.0  # amplitude of stick-slip while the plunger moves
    squeal_hz: float = 700.0

    def sound(self, rng: np.random.Generator, samples: int, rate: int) -> Signal:
        cycles = int(samples / rate * self.cycle_hz) + 2
        starts = (np.arange(cycles) - rng.random() + 0.02 * rng.standard_normal(cycles)) / self.cycle_hz
        stops = starts + (self.open_share + 0.01 * rng.standard_normal(cycles)) / self.cycle_hz
        t = np.arange(samples) / rate
        clip = np.zeros(samples)
        for times, modes, strength in ((starts, self.opening_hz, 0.10), (stops, self.closing_hz, 0.20)):
            hits = np.zeros(samples)
            places = np.rint(times * rate).astype(int)
            inside = (places >= 0) & (places < samples)
            hits[places[inside]] = strength * 10 ** (1.0 * rng.standard_normal(inside.sum()) / 20)
            clip += oaconvolve(hits, self._impact(modes, rate))[:samples]
        is_open = np.zeros(samples)
        stroke = np.zeros(samples)
        for start, stop in zip(starts, stops, strict=True):
            is_open[(t >= start) & (t < stop)] = 1
            stroke += np.exp(-0.5 * ((t - start - 0.02) / 0.008) ** 2)
        gas = _shaped(rng.standard_normal(samples), rate, lambda f: (f / 2500) ** 2 / (1 + (f / 2500) ** 4))
        # Relaxation oscillation: a saw, rich in harmonics.
        saw = 2 * np.mod(self.squeal_hz * (1 + 0.02 * _slow(rng, samples, rate, 8.0)) * t, 1) - 1
        hum = 0.002 * np.sin(2 * np.pi * 100 * t + rng.random())
        return np.asarray(clip + is_open * (0.012 * gas + hum) + self.squeal * stroke * saw)

    def _impact(self, modes: tuple[float, float], rate: int) -> Signal:
        t = np.arange(int(0.06 * rate)) / rate
        rings = [np.exp(-self.damping * 2 * np.pi * hz * t) * np.sin(2 * np.pi * hz * t) for hz in modes]
        return np.asarray(rings[0] + 0.4 * rings[1])


def _valve(setting: Mapping[str, str]) -> Valve:
    cycle_hz, open_share = {"00": (1.5, 0.35), "01": (2.0, 0.5), "02": (2.6, 0.4)}[setting["pat"]]
    return Valve(cycle_hz=cycle_hz, open_share=open_share)


def _another_cycle(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Valve)
    return replace(machine, cycle_hz=machine.cycle_hz * (1 + 0.5 * grade))


def _squeal(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Valve)
    return replace(machine, squeal=0.03 * grade, squeal_hz=rng.uniform(500, 900))


def _cracked_seat(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Valve)
    first, second = machine.closing_hz
    return replace(machine, closing_hz=(first * (1 - 0.06 * grade), second * (1 - 0.04 * grade)))


def _lost_damping(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Valve)
    return replace(machine, damping=machine.damping / (1 + grade))


KINDS: Mapping[str, Kind] = {
    "ClickValve": Kind(
        build=_valve,
        settings={"source": ((("pat", "00"),), (("pat", "01"),)), "target": ((("pat", "02"),),)},
        faults=(_squeal, _cracked_seat, _lost_damping, _another_cycle),
        room_db=-44,
        bangs_hz=0.0,
    ),
    "RotaryBlower": Kind(
        build=_blower,
        settings={
            "source": tuple((("spd", spd), ("load", load)) for spd in ("1", "2", "3") for load in ("0", "50")),
            "target": ((("spd", "4"), ("load", "25")),),
        },
        faults=(_another_speed, _whine, _worn_mesh, _loose_casing),
        room_db=-42,
        bangs_hz=0.4,
    ),
}


# ---------------------------------------------------------------- the data set


def render(
    folder: Path,
    *,
    seed: int,
    train: int = 64,
    target: int = 6,
    test: int = 40,
    seconds: float = 4.0,
    rate: int = 16_000,
    machines: Sequence[str] = tuple(KINDS),
) -> tuple[str, ...]:
    """Write the machines' ``train/`` and ``test/`` under ``folder``, 16 bit, the same bytes for the same arguments.

    Args:
        train: normal training clips of the source domain, a machine; ``target`` of the target domain.
        test: test clips a machine, a multiple of four: each domain and condition gets a quarter.

    Returns:
        The machines' names.
    """
    domains: tuple[Domain, Domain] = ("source", "target")
    for name in machines:
        kind = KINDS[name]
        for domain, count in zip(domains, (train, target), strict=True):
            for i in range(count):
                _write(folder, name, kind, domain, "train", "normal", i, seed, seconds, rate)
        for domain in domains:
            for condition in ("normal", "anomaly"):
                for i in range(test // 4):
                    _write(folder, name, kind, domain, "test", condition, i, seed, seconds, rate)
    return tuple(machines)


def _write(
    folder: Path,
    name: str,
    kind: Kind,
    domain: Domain,
    split: str,
    condition: str,
    i: int,
    seed: int,
    seconds: float,
    rate: int,
) -> None:
    rng = generator("rendered", seed, name, domain, split, condition, i)
    settings = kind.settings[domain]
    setting = settings[i % len(settings)]
    machine = kind.build(dict(setting))
    if condition == "anomaly":
        # Grades go round a step later each time all faults have had their turn: every fault comes in every grade.
        fault, grade = kind.faults[i % len(kind.faults)], GRADES[(i + i // len(kind.faults)) % len(GRADES)]
        machine = fault(machine, grade, rng)
    samples = round(seconds * rate)
    clip = machine.sound(rng, samples, rate) * 10 ** (0.5 * rng.standard_normal() / 20)
    room_db = kind.room_db + (TARGET_ROOM_DB if domain == "target" else 0) + rng.standard_normal()
    clip += 10 ** (room_db / 20) * _room(rng, samples, rate)
    clip += _bangs(rng, samples, rate, kind.bangs_hz)
    attributes = "_".join(f"{key}_{value}" for key, value in setting)
    path = folder / name / split / f"section_00_{domain}_{split}_{condition}_{i:04d}_{attributes}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, np.rint(clip * 32767).astype(np.int16))


def _room(rng: np.random.Generator, samples: int, rate: int) -> Signal:
    """Pink noise of RMS one that swells and fades a little."""
    noise = _shaped(rng.standard_normal(samples), rate, lambda f: 1 / np.sqrt(np.maximum(f, 40)))
    noise *= 1 + 0.15 * _slow(rng, samples, rate, 0.8)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _bangs(rng: np.random.Generator, samples: int, rate: int, per_second: float) -> Signal:
    """Things that fall down in the room: short broadband bursts, each of another strength and length."""
    sound = np.zeros(samples)
    for _ in range(rng.poisson(per_second * samples / rate)):
        start = int(rng.integers(samples))
        t = np.arange(samples - start) / rate
        sound[start:] += 10 ** (rng.uniform(-34, -16) / 20) * np.exp(-t / rng.uniform(0.01, 0.05)) * _white(rng, t)
    return sound


def _white(rng: np.random.Generator, t: Signal) -> Signal:
    return rng.standard_normal(len(t))


def _tone(turns: Signal, rng: np.random.Generator) -> Signal:
    return np.asarray(np.cos(2 * np.pi * (turns + rng.random())))


def _slow(rng: np.random.Generator, samples: int, rate: int, corner_hz: float) -> Signal:
    """A wandering of standard deviation about one that changes no faster than ``corner_hz``."""
    points = rng.standard_normal(int(samples / rate * 2 * corner_hz) + 3)
    return np.asarray(np.interp(np.arange(samples) / rate * 2 * corner_hz, np.arange(len(points)), points))


def _shaped(signal: Signal, rate: int, gain: Callable[[Signal], Signal]) -> Signal:
    """``signal`` through a filter of zero phase with this gain over frequency (Hz)."""
    size = next_fast_len(len(signal), real=True)
    return np.asarray(irfft(rfft(signal, size) * gain(np.arange(size // 2 + 1) * rate / size), size)[: len(signal)])


def _modes(frequencies: Signal, modes_hz: tuple[float, ...], damping: float) -> Signal:
    """Gain of a casing: one, and a resonance of second order at each mode."""
    gain = np.ones_like(frequencies)
    for hz in modes_hz:
        ratio = (frequencies / hz) ** 2
        gain = gain + 0.25 * ratio / np.sqrt((1 - ratio) ** 2 + (2 * damping) ** 2 * ratio)
    return gain


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in render(arguments.folder, seed=arguments.seed):
        print(arguments.folder / name)


if __name__ == "__main__":
    main()
