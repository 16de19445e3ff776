"""What candidates cost a device, where the user set a limit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gensup.clip import Json
from gensup.detection.cost import ms_per_clip, parameters
from gensup.detection.examples import Examples
from gensup.detection.means import NOTHING, Means
from gensup.detection.parts import Params
from gensup.steps.limits import Limits
from gensup.store import SCHEMA, read_json, write_json


@dataclass(frozen=True, slots=True)
class Costs:
    """Sizes and times by trial id; empty where no limit asks for them."""

    limits: Limits
    parameters: Mapping[str, int]
    ms: Mapping[str, float]

    @classmethod
    def of(
        cls,
        run: Path,
        candidates: Mapping[str, Params],
        normals: Examples,
        limits: Limits,
        means: Means = NOTHING,
    ) -> Costs:
        """Measured on a few normal clips; times once a run, so that a continued one prunes alike."""
        sizes = parameters(candidates, normals, means) if limits else {}
        ms: dict[str, float] = {}
        if limits.ms_per_clip is not None:
            kept = run / "trials" / "ms_per_clip.json"
            if not kept.is_file():
                times = ms_per_clip(candidates, normals, means=means)
                measured = {trial: round(value, 4) for trial, value in times.items()}
                write_json(kept, {"schema": SCHEMA, "ms_per_clip": cast("Json", measured)})
            ms = cast("dict[str, dict[str, float]]", read_json(kept))["ms_per_clip"]
        return cls(limits, sizes, ms)

    def forbidden(self) -> dict[str, str]:
        """Trials beyond a limit, each with the reason."""
        reasons = {trial: self.reason([trial]) for trial in self.parameters}
        return {trial: reason for trial, reason in reasons.items() if reason is not None}

    def reason(self, trials: Collection[str]) -> str | None:
        """Why these trials in one detector are beyond a limit, or None."""
        if not self.parameters:
            return None
        ms = sum(self.ms[trial] for trial in trials) if self.ms else None
        return self.limits.reason(sum(self.parameters[trial] for trial in trials), ms)
