"""detectors and faults: what can be chosen."""

from __future__ import annotations

from pathlib import Path

from gensup.captions import FaultRow, fault_rows, faults_for
from gensup.captions.machines import unlisted
from gensup.detection.recipe import Recipe, load_all

__all__ = ["detectors", "faults", "unlisted"]


def detectors(overlay: Path | None = None) -> tuple[Recipe, ...]:
    """Every recipe."""
    return load_all(overlay)


def faults(machine: str | None = None, prompts: Path | None = None) -> tuple[FaultRow, ...]:
    """Every fault family, or those of one machine with the generic ones."""
    return faults_for(machine, prompts) if machine else tuple(fault_rows(prompts).values())
