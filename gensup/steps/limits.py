"""What a device can hold: limits on a candidate, beyond which it is pruned with the reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from gensup.clip import Json
from gensup.errors import GensupError
from gensup.registry import unknown

OPTION = "--limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Upper bounds, None where there is none."""

    parameters: float | None = None  # numbers that a fitted model holds
    ms_per_clip: float | None = None  # milliseconds to score one clip on one core

    @classmethod
    def parsed(cls, texts: Sequence[str]) -> Limits:
        """Limits from ``name=number`` texts.

        Raises:
            GensupError: an unknown name, a name said twice, or a bound that is no number above 0.
        """
        known = tuple(field.name for field in fields(cls))
        found: dict[str, float] = {}
        for text in texts:
            name, _, bound = (part.strip() for part in text.partition("="))
            if name not in known:
                raise unknown("limit", name, known, where=OPTION)
            if name in found:
                raise GensupError("a limit twice", where=OPTION, value=name, rule="each once", remedy="leave one out")
            found[name] = _number(bound, f"{OPTION} {name}")
        return cls(**found)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return self.parameters is not None or self.ms_per_clip is not None

    def described(self) -> dict[str, Json]:
        """For run.json."""
        return {"limits": {field.name: getattr(self, field.name) for field in fields(self)}}

    def reason(self, parameters: int, ms: float | None) -> str | None:
        """Why a candidate is beyond the limits, or None. ``ms`` a clip; None: not measured, so not judged."""
        if self.parameters is not None and parameters > self.parameters:
            return f"{parameters} parameters, the limit is {self.parameters:g}"
        if self.ms_per_clip is not None and ms is not None and ms > self.ms_per_clip:
            return f"{ms:.3g} ms a clip, the limit is {self.ms_per_clip:g}"
        return None


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise GensupError("not a limit", where=where, value=text, rule="a number above 0, like parameters=250000")
    return value
