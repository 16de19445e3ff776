"""Ten machines, two of each type - another size, speed and room - with four or five failures each: 44 cases.

How far a failure goes was set once, by how well the mean-pooling detector alone hears it (an AUC between .6 and .98 in
most cases), so that there is something to choose; no other candidate was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.rendered import blower, gearbox, pump, rail, valve
from benchmarks.rendered.kinds import Kind

CASES: Mapping[str, Kind] = {
    "RotaryBlower": blower.ROTARY,
    "SmallBlower": blower.SMALL,
    "ClickValve": valve.CLICK.scaled({"another-cycle": 1.3}),
    "LargeValve": valve.LARGE.scaled({"squeal": 3.0, "cracked-seat": 3.0, "lost-damping": 2.0, "another-cycle": 1.6}),
    "PlungerPump": pump.PLUNGER.scaled(
        {"leaking-valve": 1.3, "cavitation": 4.0, "late-valve": 0.3, "slipping-belt": 3.5}
    ),
    "DosingPump": pump.DOSING.scaled(
        {"cavitation": 6.0, "late-valve": 0.6, "slipping-belt": 3.5, "air-in-the-line": 0.6}
    ),
    "BeltRail": rail.BELT.scaled({"loose-belt": 0.6, "pitted-rail": 4.0, "slower-runs": 0.2, "worn-damper": 3.0}),
    "ShortRail": rail.SHORT.scaled({"dry-rail": 1.3, "loose-belt": 0.8, "pitted-rail": 4.0, "slower-runs": 0.5}),
    "Reducer": gearbox.REDUCER.scaled({"pitted-race": 1.7}),
    "ActuatorGear": gearbox.ACTUATOR.scaled({"pitted-race": 2.0, "eccentric-wheel": 0.5, "dry-gears": 1.3}),
}
