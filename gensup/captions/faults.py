"""Fault families: the rows of prompts/faults.yaml, and those that a machine may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from gensup.captions.machines import base_name
from gensup.captions.prompts import STRICT, table
from gensup.clip import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """A fault that can be said and made. ``machines`` empty: of any machine."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    name: str = ""  # the row's key in the file
    machines: tuple[str, ...] = ()
    mechanism: str  # a file of gensup/synthesis/faults/
    fault: str  # what is wrong with the machine
    fault_source: str  # where that fault is read of
    signature_source: Status  # how well its sound is known
    words: str  # how it sounds, in a caption
    seen: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)  # JSON; the mechanism checks them


def fault_rows(overlay: Path | None = None) -> dict[str, FaultRow]:
    """All rows by name, in the file's order.

    Raises:
        GensupError: a row or a key of it is not as ``FaultRow`` has it.
    """
    return {name: replace(row, name=name) for name, row in table("faults.yaml", FaultRow, overlay).items()}


def faults_for(machine: str | None, overlay: Path | None = None) -> tuple[FaultRow, ...]:
    """Faults of a machine: rows that list it, then rows of any machine (those alone where no row lists it).

    An alias, another edition and an emulation have the faults of the machine they stand for.
    """
    rows = fault_rows(overlay).values()
    base = None if machine is None else base_name(machine, overlay)
    own = tuple(row for row in rows if base in {base_name(listed, overlay) for listed in row.machines})
    return own + tuple(row for row in rows if not row.machines)
