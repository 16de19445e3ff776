"""A slide rail: a stepper motor and a toothed belt move a carriage to and fro, and dampers end each run.

A stepper pulls once a step, so it sounds at its step rate and harmonics of it, louder near its own resonance (Acarnley,
Stepping Motors); belt teeth mesh at speed over pitch; rolling noise grows with speed. A belt's span swings at
sqrt(tension) over its length. A pit in the rail is struck wherever the carriage passes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.rendered.kinds import Failure, Kind, Machine, speeds
from benchmarks.rendered.sounds import Signal, decibels, modes, ring, shaped, slow, struck, tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One rail at one speed of its carriage. Lengths in units of the stroke."""

    cycle_hz: float  # there and back
    ramp: float = 0.15  # share of a run in which it gains or loses speed
    steps: float = 420.0  # a run
    teeth: float = 110.0  # of the belt, a run
    motor_hz: float = 520.0  # resonance of rotor and magnetic stiffness
    span_hz: float = 95.0  # the belt's swinging
    tension: float = 1.0
    frame_hz: tuple[float, ...] = (330.0, 1400.0, 3100.0)
    damper: float = 0.04  # how hard a run ends
    pit: float = 0.0  # depth
    friction: float = 0.0  # amplitude of stick-slip where the carriage is slow
    friction_hz: float = 600.0

    def sound(self, rng: np.random.Generator, samples: int, rate: int) -> Signal:
        wander = 1 + 0.004 * slow(rng, samples, rate, 1.0) + 0.006 * rng.standard_normal()
        cycles = np.cumsum(self.cycle_hz * wander) / rate + rng.random()
        run = np.mod(2 * cycles, 1.0)  # progress of the run that is on, there or back
        speed = np.clip(np.minimum(run, 1 - run) / self.ramp, 0, 1) / (1 - self.ramp)  # mean 1
        travelled = np.cumsum(speed * 2 * self.cycle_hz * wander) / rate
        there = np.floor(2 * cycles) % 2 < 1
        steps = np.zeros(samples)
        for k in (1, 2, 3):
            at_hz = k * self.steps * speed * 2 * self.cycle_hz
            ratio = (at_hz / self.motor_hz) ** 2
            steps += tone(self.steps * k * travelled, rng) * 0.02 / k / np.sqrt((1 - ratio) ** 2 + 0.16 * ratio)
        # A slack belt meshes unevenly: its teeth climb, as much as the span swings.
        slack = max(0.0, 1 - self.tension)
        swing = tone(np.arange(samples) / rate * self.span_hz * np.sqrt(self.tension), rng)
        mesh = tone(self.teeth * travelled + 0.3 * slack * swing, rng) * (0.010 + 0.02 * slack) * speed
        swinging = swing * speed * (0.006 + 0.02 * slack)
        rolling = shaped(rng.standard_normal(samples), rate, lambda f: 1 / (1 + (f / 1200) ** 1.4)) * 0.05 * speed
        sliding = np.exp(-(((speed - 0.35) / 0.25) ** 2)) * (speed > 0)
        saw = 2 * np.mod(self.friction_hz * np.cumsum(1 + 0.03 * slow(rng, samples, rate, 8.0)) / rate, 1) - 1
        forces = steps + mesh + swinging + rolling + self.friction * sliding * saw
        clip = shaped(forces, rate, lambda f: modes(f, self.frame_hz, damping=0.06))
        ends = np.flatnonzero(np.diff(np.floor(2 * cycles)) > 0) / rate
        clip += struck(
            ends, self.damper * decibels(rng, len(ends), 1.5), ring((260.0, 700.0), 0.12, rate), samples, rate
        )
        if self.pit:
            place = np.where(there, run, 1 - run)
            passing = np.flatnonzero(np.diff(np.sign(place - 0.62)) != 0) / rate
            strengths = self.pit * decibels(rng, len(passing), 1.0)
            clip += struck(passing, strengths, ring(self.frame_hz[1:], 0.05, rate), samples, rate)
        return clip


def _dry(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Rail)
    return replace(machine, friction=0.02 * grade, friction_hz=rng.uniform(450, 900))


def _loose_belt(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Rail)
    return replace(machine, tension=max(0.1, 1 - 0.5 * grade))


def _pitted(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Rail)
    return replace(machine, pit=0.08 * grade)


def _slower(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Rail)
    return replace(machine, cycle_hz=machine.cycle_hz * (1 - 0.10 * grade))


def _worn_damper(machine: Machine, grade: float, rng: np.random.Generator) -> Machine:
    assert isinstance(machine, Rail)
    return replace(machine, damper=machine.damper * (1 + 3 * grade))


def _belt(setting: Mapping[str, str]) -> Rail:
    return Rail(cycle_hz=0.35 + 0.15 * int(setting["vel"]))


def _short(setting: Mapping[str, str]) -> Rail:
    return Rail(
        cycle_hz=1.0 + 0.25 * int(setting["vel"]),
        ramp=0.3,
        steps=180.0,
        teeth=46.0,
        motor_hz=800.0,
        span_hz=170.0,
        frame_hz=(620.0, 2300.0, 4600.0),
        damper=0.06,
    )


BELT = Kind(
    build=_belt,
    settings=speeds("vel", ("1", "2", "3"), ("4",)),
    failures=(
        Failure("dry-rail", _dry, ("stick-slip", "tone-added")),
        Failure("loose-belt", _loose_belt, ("mesh-sidebands", "resonance-shift", "tone-added")),
        Failure("pitted-rail", _pitted, ("event-added", "bearing-impacts", "rattle")),
        Failure("slower-runs", _slower, ("rate-change", "event-displaced")),
        Failure("worn-damper", _worn_damper, ("event-added", "event-weaker", "amplitude-pattern")),
    ),
    room_db=-40,
    bangs_hz=0.2,
)
SHORT = replace(BELT, build=_short, room_db=-36, bangs_hz=0.0)
