"""Faults that a recording's own name tells: the rows of prompts/damages.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gensup.captions.faults import FaultRow
from gensup.captions.machines import base_name
from gensup.captions.prompts import STRICT, table
from gensup.clip import Clip

DAMAGE = "damage"  # the attribute of ToyADMOS names that tells what was broken


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageRow:
    """What the values of ``damage`` mean for one machine."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    source: str  # where it is read of
    faults: Mapping[str, str]  # value -> what is wrong


def named_fault(clip: Clip, overlay: Path | None = None) -> FaultRow | None:
    """The fault that an anomalous clip's name tells, to be given to ``caption``; None where it tells none.

    Its words are what is wrong, not how that sounds: nobody says so of a recording. It is no row of faults.yaml and has
    no mechanism.

    Raises:
        GensupError: a row or a key of damages.yaml is not as ``DamageRow`` has it.
    """
    if clip.condition != "anomaly" or clip.machine is None:
        return None
    rows: Mapping[str, DamageRow] = table("damages.yaml", DamageRow, overlay)
    base = base_name(clip.machine, overlay)
    for name, row in rows.items():
        if base_name(name, overlay) != base:
            continue
        for key, value in clip.attributes:
            if key == DAMAGE and value in row.faults:
                words = row.faults[value]
                return FaultRow(
                    name=words,
                    mechanism="",
                    fault=words,
                    fault_source=row.source,
                    signature_source="cited",
                    words=words,
                )
    return None
