"""Settings of a frontend are within reason."""

from __future__ import annotations

from math import isfinite
from typing import Any

from gensup.errors import GensupError


def in_ranges(frontend: Any, **bounds: tuple[float, float]) -> None:
    """GensupError for the first field that is not between its bounds, both included."""
    for field, (low, high) in bounds.items():
        value = getattr(frontend, field)
        if not (isfinite(value) and low <= value <= high):
            raise GensupError(
                "out of range",
                where=f"frontend.{field}",
                value=value,
                rule=f"{low:g} to {high:g}",
                remedy="choose another",
            )
