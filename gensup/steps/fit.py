"""fit: one configuration of one recipe on every normal clip of a machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gensup.audio.files import Channel
from gensup.clip import Json
from gensup.detection.chain import ChainDetector
from gensup.detection.chain import fit as fit_detector
from gensup.detection.crossfit import crossfit, unfit
from gensup.detection.detector import load as load_detector
from gensup.detection.means import Means
from gensup.detection.recipe import load, trial_id
from gensup.engine import for_workers
from gensup.errors import GensupError
from gensup.steps.progress import QUIET, Followed, Progress
from gensup.steps.recordings import normals
from gensup.steps.table import Synthetic, exercise
from gensup.store import ArrayCache


def fit(
    root: Path,
    machine: str,
    detector: str,
    out: Path,
    *,
    values: Mapping[str, Json] | None = None,
    seed: int = 0,
    channel: Channel = 0,
    pattern: str | None = None,
    attributes: Path | None = None,
    detectors_overlay: Path | None = None,
    skip_bad: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    progress: Progress = QUIET,
) -> ChainDetector:
    """Fit recipe ``detector``, with ``values`` in place of its published ones, and save it in the folder ``out``.

    ``pattern`` and ``attributes`` say how own names are read and where a table of attributes lies, see ``scan``.

    Raises:
        GensupError: bad input, an unknown recipe, path or value, too few clips, or ``out`` holds something else.
    """
    root, out = Path(root), Path(out)  # text is welcome, too
    recipe = load(detector, detectors_overlay)
    params = recipe.with_values(values or {})
    if out.exists() and not (out / "detector.json").is_file() and (not out.is_dir() or any(out.iterdir())):
        raise GensupError(
            "something else stands here",
            where=str(out),
            rule="a detector has a folder of its own",
            remedy="name another --out",
        )
    if (out / "detector.json").is_file():
        there = load_detector(out)
        same = isinstance(there, ChainDetector) and (there.recipe, dict(there.params)) == (recipe.name, params)
        if not same or there.machine != machine:
            raise GensupError(
                "another detector stands here",
                where=str(out),
                value=f"{there.description} of {there.machine}",
                rule="a folder holds one detector",
                remedy="name another --out, or remove the folder",
            )
    with Followed(for_workers(workers), progress) as engine:
        recordings = normals(
            root, machine, out=out, channel=channel, skip_bad=skip_bad, engine=engine, progress=progress,
            pattern=pattern, attributes=attributes,
        )  # fmt: skip
        # The folds of a tuning without a single question: what is held out sets the threshold.
        clips, arrangements = exercise(recordings, Synthetic((), True, ()), seed).normals(machine, recipe.group_by)
        trial = {trial_id(recipe.name, params): params}
        for reason in unfit(trial, arrangements, clips.group).values():
            raise GensupError(
                "too few normal clips", where=str(root), value=reason, remedy="choose fewer, or give more clips"
            )
        means = Means(cache=ArrayCache(cache) if cache else None)
        (scored,) = crossfit(engine, trial, clips, arrangements, means)
        fitted = fit_detector(
            engine, recipe.name, recipe.group_by, params, clips, scored.scores[0].ravel(), machine=machine, means=means
        )
    fitted.save(out)
    return fitted
