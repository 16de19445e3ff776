"""Names of the two ToyADMOS data sets, from which the toy machines of DCASE were made.

    ToyADMOS   1101010001_ToyCar_case1_ab01_IND_ch1_0001    machine/case1/AnomalousSound_IND/
    ToyADMOS2  CA001-carA1-speed1-a-damageL_mic1_00001      machine/.../ or toyad2_car_A_anomaly/
               N1_mic3_01595                                machine/env_noise/

A case is one machine of its type and so its section. Which damage was done (``ab01``, ``a-damageL``) is an attribute
``damage``, which no caption says. The leading codes repeat what follows them and are kept in the spelling alone.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gensup.clip import Clip, Condition
from gensup.metadata import folders

if TYPE_CHECKING:
    from gensup.metadata.folders import Place

_FIRST = re.compile(
    r"(?P<code>[0-9]+)_(?P<machine>[A-Za-z0-9]+)_case(?P<case>[0-9]+|All)_"
    r"(?P<word>normal|ab(?P<damage>[0-9]+)|[A-Za-z]+)_(?P<form>IND|CNT)_ch(?P<ch>[0-9]+)_(?P<index>[0-9]+)"
)
_SECOND = re.compile(
    r"(?P<code>[A-Z](?P<kind>[NA])[0-9]+)-(?P<word>[a-z]+)(?P<unit>[A-Z][0-9]*)-speed(?P<speed>[0-9]+)"
    r"(?:-(?P<damage>[a-z])(?:-damage(?P<level>[A-Za-z]+))?)?_mic(?P<mic>[0-9]+)_(?P<index>[0-9]+)"
)
_NOISE = re.compile(r"N(?P<noise>[0-9]+)_mic(?P<mic>[0-9]+)_(?P<index>[0-9]+)")


def read(path: str, name: str, place: Place) -> Clip | None:
    """The clip of a ToyADMOS name; None where it is none."""
    if found := _FIRST.fullmatch(name):
        return _first(path, found, place)
    if found := _SECOND.fullmatch(name):
        return _second(path, found, place)
    if place.split == "supplemental" and (found := _NOISE.fullmatch(name)):
        return Clip(
            path=path,
            year=place.year,
            machine=place.machine,
            split="supplemental",
            condition="normal",
            index=found["index"],
            attributes=(("noise", found["noise"]), ("mic", found["mic"])),
            spelling="N{v0}_mic{v1}_{index}",
        )
    return None


def _first(path: str, found: re.Match[str], place: Place) -> Clip:
    pairs: list[tuple[str, str]] = []
    unparsed: tuple[str, ...] = ()
    condition: Condition | None = place.condition
    if found["damage"]:
        condition, word = "anomaly", "ab{v0}"
        pairs.append(("damage", found["damage"]))
    elif found["word"] == "normal":
        condition, word = "normal", "{condition}"
    elif place.split == "supplemental":  # noise alone
        condition, word = "normal", found["word"]
    else:
        unparsed, word = (found["word"],), "{u0}"
    pairs.append(("ch", found["ch"]))
    case = "{section}" if found["case"] != "All" else "All"
    return Clip(
        path=path,
        year=place.year,
        machine=found["machine"],
        section=None if found["case"] == "All" else found["case"],
        split=place.split,
        condition=condition,
        index=found["index"],
        attributes=tuple(pairs),
        unparsed=unparsed,
        spelling=f"{found['code']}_{found['machine']}_case{case}_{word}_{found['form']}"
        f"_ch{{v{len(pairs) - 1}}}_{{index}}",
    )


def _second(path: str, found: re.Match[str], place: Place) -> Clip:
    pairs = [(found["word"], found["unit"]), ("speed", found["speed"])]
    spelling = f"{found['code']}-{{k0}}{{v0}}-speed{{v1}}"
    if found["damage"]:
        pairs.append(("damage", found["damage"]))
        spelling += "-{v2}"
    if found["level"]:
        pairs.append(("damage", found["level"]))
        spelling += "-damage{v3}"
    pairs.append(("mic", found["mic"]))
    return Clip(
        path=path,
        year=place.year,
        machine=_machine(path, found["word"], found["unit"]),
        split=place.split,
        condition="normal" if found["kind"] == "N" else "anomaly",
        index=found["index"],
        attributes=tuple(pairs),
        spelling=f"{spelling}_mic{{v{len(pairs) - 1}}}_{{index}}",
    )


def _machine(path: str, word: str, unit: str) -> str | None:
    """The innermost folder that is called neither after the unit or its model nor after what it holds."""
    own = {text.lower() for text in (unit, unit[0], f"{word}{unit}", f"{word}{unit[0]}")}
    for folder in reversed(PurePosixPath(path).parts[:-1]):
        low = folder.lower()
        if (
            low in folders.SPLITS
            or low in folders.CONDITIONS
            or low.startswith("speed")
            or own & {low, *low.split("_")}
        ):
            if folders.named(folder) != folder:
                return folders.named(folder)
            continue
        return None if folders.is_holder(folder) else folders.named(folder)
    return None
