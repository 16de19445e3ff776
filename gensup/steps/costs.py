"""What candidates cost a device, where the user set a limit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gensup.clip import Json
from gensup.detection.cost import ms_per_clip, parameters
from gensup.detection.examples import Examples
from gensup.detection.means import NOTHING, Means
from gensup.detection.parts import Params
from gensup.errors import GensupError
from gensup.rng import digest
from gensup.steps.limits import Limits
from gensup.store import SCHEMA, check_schema, read_json, write_json

TIMES = "ms_per_clip.json"


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
            kept = run / "trials" / TIMES
            if not kept.is_file():
                times = ms_per_clip(candidates, normals, means=means)
                measured = {trial: round(value, 4) for trial, value in times.items()}
                said = cast("Json", measured)
                write_json(kept, {"schema": SCHEMA, "checksum": digest(said), "ms_per_clip": said})
            ms = read_times(kept, candidates)
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


def read_times(path: Path, candidates: Iterable[str] = ()) -> dict[str, float]:
    """Milliseconds a clip by trial id, as they were measured when the run began.

    Raises:
        GensupError: a damaged, altered or newer record, or one that lacks one of ``candidates``.
    """
    remedy = "restore the file, or run the same `gensup tune` with another --out: times of now would prune otherwise"
    content = read_json(path)
    times = content.get("ms_per_clip") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(times, dict):
        raise GensupError("not the times of candidates", where=str(path), remedy=remedy)
    check_schema(content.get("schema"), str(path))
    if content.get("checksum") != digest(times):
        raise GensupError("altered", where=str(path), rule="its checksum stands in it", remedy=remedy)
    lacking = sorted(set(candidates) - times.keys())
    if lacking:
        raise GensupError("a candidate without its time", where=str(path), value=lacking[0], remedy=remedy)
    return cast("dict[str, float]", times)
